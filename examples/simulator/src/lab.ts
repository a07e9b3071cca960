// The laboratory: finds a seed that shows a planted bug, and makes it small. Works in a worker of its
// own, so that the stage goes on.

import { Simulator } from './simulator.js';
import type { Outcome, ProfileName, Run, Shrunk } from './types.js';

export const SEEDS_MAX = 2000;
const SHRINK_RUNS = 800;

export interface Caught {
  readonly mutant: number;
  readonly outcome: Outcome;
  readonly run: Run;
}

export interface Small {
  readonly shrunk: Shrunk;
  readonly events: readonly object[];
  /** The small case, to be watched on the stage. */
  readonly run: Run;
}

export class Lab {
  private readonly simulator = new Simulator();

  /** The first seed that shows the bug; undefined if none of the first so many does. */
  async hunt(mutant: number, profile: ProfileName, progress: (seeds: number) => void): Promise<Caught | undefined> {
    const outcome = await this.simulator.ask('hunt', { mutant, profile, seeds: SEEDS_MAX }, progress);
    if (!outcome) return undefined;
    return { mutant, outcome, run: { kind: 'seed', seed: Number(outcome.seed), profile, mutant } };
  }

  /** What is left of a caught run when all that does not matter is dropped. */
  async shrink({ run, mutant }: Caught, progress: (steps: number) => void = () => undefined): Promise<Small | undefined> {
    const answer = await this.simulator.ask('shrink', { run, runs: SHRINK_RUNS }, progress);
    if (!answer) return undefined;
    const { shrunk, events } = answer;
    const failure = { event: 'failure', invariant: shrunk.invariant, at_ms: shrunk.at_ms, detail: shrunk.detail };
    return { shrunk, events: [...events, failure], run: { kind: 'scenario', bytes: shrunk.scenario.scenario, mutant } };
  }

  /** Gives up what is under way. */
  stop(): void {
    this.simulator.stop();
  }
}
