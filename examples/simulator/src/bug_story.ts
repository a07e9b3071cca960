// What the story of the bug needs of the laboratory, from step to step.

import { reportOf } from './bug_panel.js';
import { Lab, type Caught, type Small } from './lab.js';
import type { Catalog, Mutant } from './types.js';

/** The bug of the story: "the ack for `local` does not wait for the sync". */
const ACK_BEFORE_SYNC = 21;

export class BugStory {
  private readonly lab = new Lab();
  private mutant: Mutant | undefined;
  private caught: Caught | undefined;
  private small: Small | undefined;

  fill(catalog: Catalog): void {
    this.mutant = catalog.mutants.find(({ number }) => number === ACK_BEFORE_SYNC);
  }

  async hunt(progress: (seeds: number) => void): Promise<Caught> {
    const caught = await this.lab.hunt(ACK_BEFORE_SYNC, 'lite', progress);
    if (!caught) throw new Error('no world showed the bug');
    return (this.caught = caught);
  }

  get theCatch(): Caught {
    if (!this.caught) throw new Error('nothing is caught yet');
    return this.caught;
  }

  async shrink(): Promise<Small> {
    const small = await this.lab.shrink(this.theCatch);
    if (!small) throw new Error('the bug went away');
    return (this.small = small);
  }

  get theSmallCase(): Small {
    if (!this.small) throw new Error('nothing is made small yet');
    return this.small;
  }

  report(watch: (small: Small) => void): HTMLElement[] {
    return this.mutant ? reportOf(this.mutant, this.theCatch, this.theSmallCase, watch) : [];
  }

  stop(): void {
    this.lab.stop();
  }
}
