/** Numbers of `Edit::Kind` in `core/dataflow/edit.hpp`. */
export const StepKind = { Enter: 0, Update: 1, Move: 2, Leave: 3 } as const;

/** Items in a run of the list. */
const RUN = 1024;

/**
 * A list under change. Steps shift what is behind them, so that a long list is cut into runs: a step
 * costs O(size / 1024). Items that nobody shall hear of stand in it as `undefined` until a step takes
 * them out.
 */
export class StepList<Item> {
  private readonly runs: (Item | undefined)[][];
  private unheard = 0;

  constructor(items: readonly Item[]) {
    this.runs = [items.slice(0, RUN)];
    for (let i = RUN; i < items.length; i += RUN) this.runs.push(items.slice(i, i + RUN));
  }

  /** How many items that are heard of stand before the place. */
  heardBefore(at: number): number {
    if (this.unheard === 0) return at;
    let heard = 0;
    let rest = at;
    for (const run of this.runs) {
      for (let i = 0; i < run.length && rest > 0; i++, rest--) if (run[i] !== undefined) heard++;
    }
    return heard;
  }

  at(index: number): Item | undefined {
    const [run, i] = this.place(index, false);
    return this.runs[run]?.[i];
  }

  insert(at: number, item: Item | undefined): void {
    if (item === undefined) this.unheard++;
    const [run, i] = this.place(at, true);
    const items = this.runs[run] ?? [];
    items.splice(i, 0, item);
    if (items.length > 2 * RUN) this.runs.splice(run + 1, 0, items.splice(RUN));
  }

  remove(at: number): Item | undefined {
    const [run, i] = this.place(at, false);
    const items = this.runs[run] ?? [];
    const item = items.splice(i, 1)[0];
    if (items.length === 0 && this.runs.length > 1) this.runs.splice(run, 1);
    if (item === undefined) this.unheard--;
    return item;
  }

  set(at: number, item: Item): void {
    const [run, i] = this.place(at, false);
    const items = this.runs[run];
    if (items !== undefined) items[i] = item;
  }

  /** A copy of the list. Every item has been given by now: what was gone again has been removed. */
  items(): Item[] {
    // Not `flat`, which V8 has taken sixteen times as long for.
    return ([] as unknown[]).concat(...this.runs) as Item[];
  }

  /** The run and the place in it; behind the last item of a run only to insert there. */
  private place(at: number, inserts: boolean): [number, number] {
    let rest = at;
    for (let run = 0; ; run++) {
      const { length } = this.runs[run] ?? [];
      const isHere = inserts ? rest <= length : rest < length;
      if (isHere || run === this.runs.length - 1) return [run, rest];
      rest -= length;
    }
  }
}
