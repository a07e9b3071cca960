import type { RowChange } from './rows.js';

type Keyed = object & { readonly _key?: string };

/** The steps from one list of rows to another; rows of one key and the same content have not changed. */
export function changesBetween(before: readonly Keyed[], after: readonly Keyed[]): RowChange<object>[] {
  const changes: RowChange<object>[] = [];
  const wanted = new Set(after.map(({ _key }) => _key));
  const rows = before.slice();
  for (let index = rows.length - 1; index >= 0; index--) {
    const row = rows[index]!;
    if (wanted.has(row._key)) continue;
    rows.splice(index, 1);
    changes.push({ type: 'leave', row, index });
  }
  const known = new Set(rows.map(({ _key }) => _key));
  after.forEach((row, index) => {
    if (!known.has(row._key)) {
      rows.splice(index, 0, row);
      changes.push({ type: 'enter', row, index });
      return;
    }
    // Nearly always it is where it was.
    let from = index;
    while (rows[from]?._key !== row._key) from++;
    const isSame = equal(rows[from], row);
    if (from === index && isSame) return;
    rows.splice(from, 1);
    rows.splice(index, 0, row);
    changes.push(from === index ? { type: 'update', row, index } : { type: 'move', row, index, from });
  });
  return changes;
}

/** Whether two frozen values of a row say the same. */
function equal(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  if (ArrayBuffer.isView(a) && ArrayBuffer.isView(b)) {
    const [left, right] = [a as Uint8Array, b as Uint8Array];
    return left.length === right.length && left.every((byte, i) => byte === right[i]);
  }
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every(
    (key) => Object.hasOwn(b, key) && equal((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  );
}
