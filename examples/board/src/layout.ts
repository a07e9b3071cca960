// Which line of the list shows what: rows, and before each group its heading.

import type { Grouping, ParcelRow } from './view.js';

export interface Group {
  readonly value: string | number;
  /** Rows of the group: from `start` up to, not including, `end`. */
  readonly start: number;
  readonly end: number;
}

export type Line = { readonly row: ParcelRow } | { readonly group: Group };

/** Rows that come sorted by their group, as lines of a list. */
export class Layout {
  readonly lineCount: number;
  private readonly rows: readonly ParcelRow[];
  private readonly groups: readonly Group[];
  private readonly folded: ReadonlySet<string | number>;

  constructor(rows: readonly ParcelRow[], groupBy: Grouping, folded: ReadonlySet<string | number>) {
    this.rows = rows;
    this.folded = folded;
    this.groups = groupBy === 'none' ? [] : groupsOf(rows, groupBy);
    this.lineCount = this.groups.reduce(
      (count, group) => count + this.linesOf(group),
      groupBy === 'none' ? rows.length : 0,
    );
  }

  /** The line at a place, or nothing behind the last one. */
  lineAt(index: number): Line | undefined {
    if (this.groups.length === 0) return this.line(index);
    let rest = index;
    for (const group of this.groups) {
      if (rest === 0) return { group };
      if (rest < this.linesOf(group)) return this.line(group.start + rest - 1);
      rest -= this.linesOf(group);
    }
    return undefined;
  }

  /** The group that a line belongs to. */
  groupAt(index: number): Group | undefined {
    let rest = index;
    return this.groups.find((group) => {
      if (rest < this.linesOf(group)) return true;
      rest -= this.linesOf(group);
      return false;
    });
  }

  private line(index: number): Line | undefined {
    const row = this.rows[index];
    return row && { row };
  }

  private linesOf({ value, start, end }: Group): number {
    return this.folded.has(value) ? 1 : 1 + end - start;
  }
}

/** The groups of sorted rows. Their ends are found by halving, as there are few groups of many rows. */
function groupsOf(rows: readonly ParcelRow[], groupBy: Exclude<Grouping, 'none'>): Group[] {
  const groups: Group[] = [];
  for (let start = 0; start < rows.length; ) {
    const value = rows[start]![groupBy];
    let [last, end] = [start, rows.length];
    while (end - last > 1) {
      const middle = (last + end) >>> 1;
      if (rows[middle]![groupBy] === value) last = middle;
      else end = middle;
    }
    groups.push({ value, start, end });
    start = end;
  }
  return groups;
}
