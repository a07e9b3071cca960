// Directs a story: does things in the simulator and lets time pass until something is true.

import type { BugStory } from './bug_story.js';
import { doing, ending } from './hands.js';
import type { Caught, Small } from './lab.js';
import { prefersReducedMotion } from './dom.js';
import { isBusy, type Player, type Speed } from './player.js';
import { showSpaceTime } from './space_time.js';
import type { Stage } from './stage.js';
import type { Deed, World } from './types.js';

const FRAME_MS = 16;
const SKIP_US = 20_000;
const FAR_US = 120_000_000;

export class Director {
  /** Without pictures in between: for going back, and for people who want less motion. */
  isHasty = prefersReducedMotion();
  private isStopped = false;

  constructor(
    private readonly player: Player,
    private readonly stage: Stage,
    private readonly bug: BugStory,
    private readonly page: { say: (text: string) => void; show: (...elements: HTMLElement[]) => void },
  ) {}

  get world(): World {
    if (!this.player.world) throw new Error('no run is open');
    return this.player.world;
  }

  stop(): void {
    this.isStopped = true;
    this.player.pause();
  }

  /** A world of three devices and a server, all connected. */
  async openQuietWorld(seed: number): Promise<void> {
    await this.player.open({ kind: 'quiet', seed, clients: 3, mutant: 0 });
    await this.player.goTo(2_000_000);
    await this.until((world) => world.clients.every(({ status }) => status === 'online'));
  }

  point(target: number | 'server' | 'disk' | undefined): void {
    this.stage.spotlight(target);
  }

  /** Tells what was seen. */
  note(text: string): void {
    this.page.say(text);
  }

  async act(deed: Deed): Promise<void> {
    if (!(await this.player.act(deed))) throw new Error('this cannot be done now');
  }
  do(step: number, actor = 0, a = 0, b = 0): Promise<void> {
    return this.act(doing(step, actor, a, b));
  }
  end(step: number, actor = 0): Promise<void> {
    return this.act(ending(step, actor));
  }

  /** Lets time pass until `isTrue`. Throws if that takes longer than two minutes of the world. */
  async until(isTrue: (world: World) => boolean, speed: Speed = 'auto'): Promise<void> {
    const limit_us = this.world.now_us + FAR_US;
    while (!isTrue(this.world)) {
      this.check(limit_us);
      if (this.isHasty) await this.player.forward(SKIP_US);
      else await this.frame(speed);
    }
  }

  /** Event by event, for moments that are over in a millisecond. */
  async untilExactly(isTrue: (world: World) => boolean): Promise<void> {
    const limit_us = this.world.now_us + FAR_US;
    while (!isTrue(this.world)) {
      this.check(limit_us);
      // Between events nothing becomes true, so a pause that nobody would watch is skipped.
      if (this.isHasty || !isBusy(this.world)) await this.player.step();
      else await this.frame('auto', 0.4);
    }
  }

  async pass(ms: number, speed: Speed = 'auto'): Promise<void> {
    const end_us = this.world.now_us + ms * 1000;
    await this.until((world) => world.now_us >= end_us, speed);
  }

  /** Everybody holds the same, and nothing waits to be confirmed. */
  untilAllAgree(): Promise<void> {
    return this.until((world) => world.clients.every(({ agrees, unacked, status }) => agrees && unacked === 0 && status === 'online'));
  }

  // --- the story of the bug ---

  huntForBug(): Promise<Caught> {
    return this.bug.hunt((seeds) => this.note(`${seeds} worlds, and every promise was kept…`));
  }

  /** The caught run, fast, until the promise breaks. */
  async watchTheCatch(): Promise<void> {
    const { run, outcome } = this.bug.theCatch;
    await this.player.open(run);
    const end_us = (outcome.violation?.at_ms ?? 0) * 1000;
    if (this.isHasty) await this.player.goTo(end_us);
    while (!this.player.isOver) await (this.isHasty ? this.player.forward(SKIP_US) : this.frameOrStop(Math.max(1, end_us / 8e6)));
    this.point('server');
  }

  async shrinkTheCatch(): Promise<Small> {
    this.note('Running smaller and smaller worlds…');
    return this.bug.shrink();
  }

  async watchTheSmallCase(): Promise<void> {
    const { run, events } = this.bug.theSmallCase;
    showSpaceTime(events);
    this.page.show(...this.bug.report(() => void this.watchTheSmallCase()));
    await this.player.open(run);
    while (!this.player.isOver) await (this.isHasty ? this.player.forward(SKIP_US) : this.frameOrStop('auto'));
  }

  private frameOrStop(speed: Speed): Promise<void> {
    if (this.isStopped) throw new Error('stopped');
    return this.frame(speed);
  }

  private check(limit_us: number): void {
    if (this.isStopped) throw new Error('stopped');
    if (this.player.isOver || this.world.now_us > limit_us) throw new Error('the run took another course than the story');
  }

  private frame(speed: Speed, share = 1): Promise<void> {
    return new Promise((resolve) => {
      requestAnimationFrame(() => void this.player.advance(FRAME_MS * share, speed).then(resolve));
    });
  }
}
