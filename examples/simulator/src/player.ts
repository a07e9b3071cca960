// Time: plays, pauses, steps and goes back in the session, and tells everybody what it looks like now.

import type { Simulator } from './simulator.js';
import { categoryOf } from './texts.js';
import type { Deed, Run, Scenario, View, World } from './types.js';

/** Virtual seconds a second, or 'auto': slow while messages fly, fast in between. */
export type Speed = number | 'auto';

export const SPEEDS: readonly Speed[] = ['auto', 0.02, 0.1, 1, 10, 100, 1000];

const AUTO_SLOW = 0.022;
const AUTO_FAST = 2;
const CALM_STEP_US = 4_000;
const FRAME_MS_MAX = 100;
const STEP_EVENTS = 1;

export type Listener = (view: View) => void;

/** Whether something worth watching is on its way. */
export function isBusy(world: World): boolean {
  return world.in_flight.some(({ arrives, messages }) => {
    const isStuck = arrives < world.now_us; // Behind a cut, for as long as that takes.
    const category = categoryOf(messages);
    return !isStuck && category !== 'beat' && category !== 'connect';
  });
}

export class Player {
  scenario: Scenario | undefined;
  run: Run | undefined;
  view: View | undefined;
  speed: Speed = 1;
  isPlaying = false;
  /** What ended the run besides its end: an assertion of the product. */
  trap = '';
  private readonly listeners: Listener[] = [];
  private readonly stateListeners: (() => void)[] = [];
  private last = 0;
  /** Requests follow one another; whoever opens a run makes those of the last one void. */
  private queue: Promise<unknown> = Promise.resolve();

  constructor(private readonly simulator: Simulator) {}

  /** Hears of each new view of the world. */
  onView(listener: Listener): void {
    this.listeners.push(listener);
  }

  /** Hears when playing, the speed or the run changes. */
  onState(listener: () => void): void {
    this.stateListeners.push(listener);
  }

  get world(): World | undefined {
    return this.view?.world;
  }

  get isOver(): boolean {
    return this.trap !== '' || (this.world !== undefined && (this.world.over || this.world.violation !== null));
  }

  async open(run: Run): Promise<void> {
    this.pause();
    await this.inTurn(async () => {
      const { scenario, view } = await this.simulator.ask('open', { run });
      this.scenario = scenario;
      this.run = run;
      this.trap = '';
      this.show(view);
    });
    this.changed();
  }

  play(): void {
    if (this.isPlaying || this.isOver) return;
    this.isPlaying = true;
    this.last = performance.now();
    this.changed();
    requestAnimationFrame(this.frame);
  }

  pause(): void {
    if (!this.isPlaying) return;
    this.isPlaying = false;
    this.changed();
  }

  setSpeed(speed: Speed): void {
    this.speed = speed;
    this.changed();
  }

  /** One event on. */
  step(count = STEP_EVENTS): Promise<void> {
    return this.ask(() => this.simulator.ask('runEvents', { count }));
  }

  /** To a time, forwards or backwards. */
  async goTo(us: number): Promise<void> {
    const now = this.world?.now_us ?? 0;
    const target = Math.max(0, Math.round(us));
    await this.ask(() => this.simulator.ask(target < now ? 'rewind' : 'runUntil', { us: target }));
  }

  async act(deed: Deed): Promise<boolean> {
    let done = false;
    await this.ask(async () => {
      const answer = await this.simulator.ask('act', { deed });
      done = answer.done;
      return answer.view;
    });
    return done;
  }

  /** A moment on, at a pace: what a frame of `ms` milliseconds shows. */
  async advance(ms: number, speed: Speed): Promise<void> {
    if (speed !== 'auto') return this.forward(ms * 1000 * speed);
    if (this.world && isBusy(this.world)) return this.forward(ms * 1000 * AUTO_SLOW);
    for (let left = ms * 1000 * AUTO_FAST; left > 0 && !this.isOver; left -= CALM_STEP_US) {
      await this.forward(Math.min(left, CALM_STEP_US));
      if (this.world && isBusy(this.world)) return;
    }
  }

  forward(us: number): Promise<void> {
    return this.ask(() => this.simulator.ask('runUntil', { us: Math.round((this.world?.now_us ?? 0) + Math.max(1, us)) }));
  }

  private readonly frame = async (now: number): Promise<void> => {
    if (!this.isPlaying) return;
    const ms = Math.min(FRAME_MS_MAX, Math.max(1, now - this.last));
    this.last = now;
    await this.advance(ms, this.speed);
    if (this.isOver) return this.pause();
    requestAnimationFrame(this.frame);
  };

  private ask(request: () => Promise<View>): Promise<void> {
    return this.inTurn(async () => {
      if (this.trap !== '') return;
      try {
        this.show(await request());
      } catch (error) {
        this.trap = error instanceof Error ? error.message : String(error);
        this.pause();
        if (this.view) this.show(this.view);
      }
    });
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.queue.then(work);
    this.queue = done.catch(() => undefined);
    return done;
  }

  private show(view: View): void {
    this.view = view;
    for (const listener of this.listeners) listener(view);
  }

  private changed(): void {
    for (const listener of this.stateListeners) listener();
  }
}
