import type { ByteReader } from '../bindings/reader.js';
import { decodeFrozen, freeze } from '../client/values.js';
import { ErrorCode, TopGunError } from '../errors.js';
import { decodeValue } from '../value/msgpack.js';
import { scopeOf } from './encode.js';
import { nameOf, pathOf, readSteps, type Path, type ValueShape } from './field.js';
import type { QueryPlan } from './query.js';

/**
 * A record as a query returns it: the fields of its value, or `value` if it is no plain object, and the
 * record's key as `_key`. Frozen. As long as the record does not change, it is the same object.
 */
export type Row<T> = Readonly<Fields<T>> & { readonly _key: string };
type Fields<T> = T extends object
  ? T extends readonly unknown[] | Date | Uint8Array
    ? { value: T }
    : T
  : { value: T };

/** One step from the rows before to the rows after; steps are taken in order. */
export type RowChange<R> =
  | { readonly type: 'enter'; readonly row: R; readonly index: number }
  | { readonly type: 'update'; readonly row: R; readonly index: number }
  | { readonly type: 'move'; readonly row: R; readonly index: number; readonly from: number }
  | { readonly type: 'leave'; readonly row: R; readonly index: number };

/** How the rows of an answer are told; numbers of the engine protocol. */
export const RowsKind = { Known: 0, Groups: 1, Records: 2, Combinations: 3, Selected: 4, SelectedCombinations: 5 } as const;

const ABSENT = 0;
const WITH_VALUE = 2;
/** What was selected of it follows behind all sides. */
const KEY_OF_SELECTED = 3;

/** A record of one side. */
interface SideRecord {
  readonly key: string;
  readonly value: unknown;
}

/** What a map shows. */
export interface Mirror {
  peek(key: string): unknown;
}

/** Where the rows of one query come from. */
export interface RowSources {
  /** The mirror of the map of this name. */
  mirror(map: string): Mirror;
  /** Its whole rows by the numbers that the engine has told with their keys. */
  known(map: string): object[];
}

interface Selected {
  readonly name: string;
  readonly path: Path;
}

const NOTHING: readonly Selected[] = [];

/** Whole records as rows. Rows of one value are one object, whichever query they are in. */
const wholeRows = new WeakMap<object, object>();

/** Makes the rows of one query out of what the engine tells. */
export class RowReader {
  private readonly plan: QueryPlan;
  private readonly sources: RowSources;
  /** While an answer is read that numbers its records. */
  private known: object[] | undefined;
  /** Of the maps of each side, for as long as one answer or event is read. */
  private readonly mirrors: (Mirror | undefined)[];
  private readonly select: readonly Selected[];
  /** Of each join, whether its side is in the rows. */
  private readonly shown: readonly boolean[];
  private kind: number = RowsKind.Known;
  private sides = 1;

  constructor(plan: QueryPlan, sources: RowSources) {
    this.plan = plan;
    this.sources = sources;
    this.select = plan.shape.select.length === 0 ? NOTHING : selectedBy(plan);
    this.mirrors = new Array<undefined>(plan.shape.joins.length + 1).fill(undefined);
    this.shown = plan.shape.joins.map(({ kind }) => kind === 'inner' || kind === 'left');
  }

  /** Reads what an answer begins with. True if it is of groups. */
  begin(answer: ByteReader): boolean {
    this.resume();
    this.kind = answer.u8();
    if (this.isJoined()) this.sides = answer.varint();
    if (this.kind === RowsKind.Known) this.known = this.sources.known(this.plan.relation.name);
    return this.kind === RowsKind.Groups;
  }

  /** An event is read that goes on where an answer ended. Maps may have been closed and opened meanwhile. */
  resume(): void {
    this.known = undefined;
    // Not emptied: reading behind its end would cost V8 what it has compiled.
    this.mirrors.fill(undefined);
  }

  row(reader: ByteReader): object {
    if (this.known !== undefined) return this.numbered(reader, this.known);
    if (this.isJoined()) return this.combination(reader);
    const key = reader.text();
    const { relation } = this.plan;
    if (this.kind === RowsKind.Selected) return this.selected(decode(reader.blob()) as readonly unknown[], key);
    const value = this.kind === RowsKind.Records ? decode(reader.blob()) : this.peek(0, relation.name, key);
    return this.record(key, value);
  }

  /** The row of one record. */
  record(key: string, value: unknown): object {
    if (this.select.length > 0) return this.picked([{ key, value }], key);
    return wholeRow(this.plan.relation.shape, key, value);
  }

  /** The number alone stands for a row as it was when the key was told with it. */
  private numbered(reader: ByteReader, known: object[]): object {
    const told = reader.varint();
    const number = Math.floor(told / 2);
    const { name, shape } = this.plan.relation;
    if (told % 2 === 1) {
      const key = reader.text();
      known[number] = wholeRow(shape, key, this.peek(0, name, key));
    }
    const row = known[number];
    if (row === undefined) throw new TopGunError(ErrorCode.Internal, 'the engine told a row that it has not told before');
    if (this.select.length === 0) return row;
    const key = (row as { _key: string })._key;
    return this.picked([{ key, value: this.peek(0, name, key) }], key);
  }

  /** The row of a group; `key` is its own, if it is known. */
  group(bytes: Uint8Array, key?: string): object {
    const values = decodeValue(bytes) as unknown[];
    const { groupNames, shape } = this.plan;
    const row: Record<string, unknown> = {};
    for (let i = 0; i < groupNames.length; i++) row[groupNames[i] as string] = freeze(values[i]);
    row['_key'] = key ?? keyOfValues(values.slice(0, shape.groupBy.length));
    return Object.freeze(row);
  }

  private isJoined(): boolean {
    return this.kind === RowsKind.Combinations || this.kind === RowsKind.SelectedCombinations;
  }

  private combination(reader: ByteReader): object {
    const { relation, shape } = this.plan;
    const records: (SideRecord | undefined)[] = [];
    for (let side = 0; side < this.sides; side++) {
      const { name } = side === 0 ? relation : (shape.joins[side - 1]?.relation ?? relation);
      records.push(this.side(reader, side, name));
    }
    const [own] = records;
    const { shown } = this;
    const keys = [own?.key ?? null];
    for (let i = 1; i < records.length; i++) if (shown[i - 1] === true) keys.push(records[i]?.key ?? null);
    const key = keys.length === 1 ? (own?.key ?? '') : keyOfValues(keys);
    if (this.kind === RowsKind.SelectedCombinations) return this.selected(decode(reader.blob()) as readonly unknown[], key);
    if (this.select.length > 0) return this.picked(records, key);
    const row: Record<string, unknown> = { ...wholeRow(relation.shape, own?.key ?? '', own?.value) };
    shape.joins.forEach(({ name, relation: joined }, i) => {
      const record = records[i + 1];
      if (shown[i] !== true) return;
      row[name] = record === undefined ? null : wholeRow(joined.shape, record.key, record.value);
    });
    row['_key'] = key;
    return Object.freeze(row);
  }

  private side(reader: ByteReader, side: number, map: string): SideRecord | undefined {
    const state = reader.u8();
    if (state === ABSENT) return undefined;
    const key = reader.text();
    if (state === WITH_VALUE) return { key, value: decode(reader.blob()) };
    return { key, value: state === KEY_OF_SELECTED ? undefined : this.peek(side, map, key) };
  }

  private peek(side: number, map: string, key: string): unknown {
    return (this.mirrors[side] ??= this.sources.mirror(map)).peek(key);
  }

  private selected(values: readonly unknown[], key: string): object {
    const row: Record<string, unknown> = {};
    this.select.forEach(({ name }, i) => (row[name] = values[i] ?? null));
    row['_key'] = key;
    return Object.freeze(row);
  }

  private picked(records: readonly (SideRecord | undefined)[], key: string): object {
    const row: Record<string, unknown> = {};
    for (const { name, path } of this.select) {
      const record = records[path.side];
      const value = path.steps === undefined ? record?.key : readSteps(path.steps, record?.value);
      row[name] = value ?? null;
    }
    row['_key'] = key;
    return Object.freeze(row);
  }
}

function selectedBy({ relation, shape }: QueryPlan): readonly Selected[] {
  const scope = scopeOf(relation.shape, shape);
  return shape.select.map((field) => ({ name: nameOf(field), path: pathOf(field, scope) }));
}

/** A record with all its fields. */
function wholeRow(shape: ValueShape, key: string, value: unknown): object {
  if (shape.kind !== 'whole') return unpacked(shape, key, value as readonly unknown[]);
  if (typeof value !== 'object' || value === null) return Object.freeze({ value, _key: key });
  const known = wholeRows.get(value);
  if (known !== undefined) return known;
  const isPlain = Object.getPrototypeOf(value) === Object.prototype;
  const fields: { _key?: string } = isPlain ? Object.assign({}, value) : { value };
  fields._key = key;
  const row = Object.freeze(fields);
  wholeRows.set(value, row);
  return row;
}

/** A record of a view, whose value is an array. */
function unpacked(shape: Exclude<ValueShape, { kind: 'whole' }>, key: string, values: readonly unknown[]): object {
  const row: Record<string, unknown> = {};
  const isSides = shape.kind === 'sides';
  if (isSides) Object.assign(row, values[0]);
  shape.names.forEach((name, i) => (row[name] = values[isSides ? i + 1 : i]));
  row['_key'] = key;
  return Object.freeze(row);
}

function keyOfValues(values: readonly unknown[]): string {
  try {
    return JSON.stringify(values);
  } catch {
    // There is a bigint in it. Asking of each value what it is takes several times as long.
    return JSON.stringify(values, (_name, each: unknown) => (typeof each === 'bigint' ? `${each}n` : each));
  }
}

function decode(bytes: Uint8Array): unknown {
  return decodeFrozen({ bytes, offset: 0, length: bytes.length });
}
