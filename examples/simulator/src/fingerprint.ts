// The digest of all that happens in a run, next to that of the native build for the same seed.

import { one, setAttribute, setText } from './dom.js';
import type { Player } from './player.js';
import type { View } from './types.js';

/** Written by the build: what native builds say, by profile, from seed 1 on. */
export type NativeHashes = Readonly<Record<string, readonly string[]>>;

export class Fingerprint {
  private readonly here: HTMLElement;
  private readonly native: HTMLElement;
  private readonly says: HTMLElement;
  private hashes: NativeHashes = {};

  constructor(private readonly root: HTMLElement, private readonly player: Player) {
    this.here = one(root, '[data-hash=here]');
    this.native = one(root, '[data-hash=native]');
    this.says = one(root, '[data-hash=says]');
    player.onView((view) => this.draw(view));
    void this.load();
  }

  private async load(): Promise<void> {
    const response = await fetch('hashes.json');
    this.hashes = (await response.json()) as NativeHashes;
    if (this.player.view) this.draw(this.player.view);
  }

  private draw({ world, deeds }: View): void {
    const run = this.player.run;
    const known = run?.kind === 'seed' && run.mutant === 0 ? this.hashes[run.profile]?.[run.seed - 1] : undefined;
    const isDone = world.over || world.violation !== null;
    setText(this.here, world.trace);
    setText(this.native, known ?? '–');
    const state = deeds > 0 || !known || !isDone ? 'open' : known === world.trace ? 'same' : 'other';
    setAttribute(this.root, 'data-state', state);
    setText(this.says, this.words(state, deeds, known !== undefined, isDone));
  }

  private words(state: string, deeds: number, isKnown: boolean, isDone: boolean): string {
    if (state === 'same') return 'The same, bit for bit: one seed gives one run, here and on any machine.';
    if (state === 'other') return 'Different. That must not happen: please report it.';
    if (deeds > 0) return `${deeds} ${deeds === 1 ? 'intervention' : 'interventions'} of yours made this a run of its own.`;
    if (this.player.run?.kind !== 'seed') return 'A world of its own; only runs of seeds have a native twin here.';
    if (this.player.run.mutant > 0) return 'With a planted bug it is another run than the native one.';
    if (!isKnown) return `For other seeds: npm run sim -- --seeds ${this.player.run.seed} --profile ${this.player.run.profile}`;
    return isDone ? '' : 'It grows with every event. At the end it must be the native one.';
  }
}
