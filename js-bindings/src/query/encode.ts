import { ByteWriter } from '../bindings/byte-writer.js';
import { ErrorCode, TopGunError, errorFromCode } from '../errors.js';
import { ValueError, encodeValue } from '../value/msgpack.js';
import { pathOf, type Path } from './field.js';
import type { Predicate } from './predicate.js';

const VERSION = 1;

/** Numbers of `PredicateKind` in `core/query/predicate.hpp`. */
const AND = 2;
const OR = 3;
const NOT = 4;
const IN = 16;
const RANGE = 17;
const MISSING = 18;
const TESTS = { like: 19, ilike: 20, startsWith: 21, endsWith: 22, containsAny: 23, containsAll: 24 } as const;

const LOW = 1;
const LOW_INCLUSIVE = 2;
const HIGH = 4;
const HIGH_INCLUSIVE = 8;

/** Numbers of `AggregateKind` in `core/query/query.hpp`. */
export const AggregateKind = { count: 0, countOf: 1, sum: 2, avg: 3, min: 4, max: 5 } as const;
export type AggregateKind = keyof typeof AggregateKind;

/** Numbers of `IndexKind` in `core/query/index.hpp`. */
export const IndexKind = { hash: 1, unique: 2, ordered: 3, elements: 4, presence: 5 } as const;
export type IndexKind = keyof typeof IndexKind;

/** A place to sort by, and in which direction. */
export interface OrderPart {
  readonly path: Path;
  readonly descending: boolean;
}

export interface Hint {
  /** Find the rows by this index. */
  readonly useIndex?: string;
  /** As if these indexes were not there. */
  readonly noIndex?: string | readonly string[];
  /** Walk this index for the order. */
  readonly orderIndex?: string;
  /** Look at every row. */
  readonly forceScan?: boolean;
  /** A graph of its own for a live query. */
  readonly noShare?: boolean;
}

/** A query with everything resolved, as it is encoded. */
export interface Shape {
  readonly where: readonly Predicate[];
  readonly order: readonly OrderPart[];
  readonly offset: number;
  readonly limit: number | undefined;
  readonly after: Uint8Array | undefined;
  readonly groupBy: readonly Path[];
  readonly aggregates: readonly { readonly kind: AggregateKind; readonly path: Path | undefined }[];
  readonly hint: Hint;
}

/** Writes queries, index definitions and the commands that carry them (`docs/engine-protocol.md`). */
export class QueryWriter extends ByteWriter {
  /** What was written so far. */
  take(): Uint8Array {
    return this.writer.take();
  }

  /** One command with its size, as `CommandBuffer.appendEncoded` takes it. */
  static command(code: number, fill: (writer: QueryWriter) => void): Uint8Array {
    const writer = new QueryWriter();
    writer.u32(0);
    writer.u8(code);
    fill(writer);
    const bytes = writer.take();
    new DataView(bytes.buffer).setUint32(0, bytes.length - 4, true);
    return bytes;
  }

  query(shape: Shape): void {
    const { order, offset, limit, after, groupBy, aggregates } = shape;
    const hint = hasHint(shape.hint);
    const sections = [
      order.length > 0,
      offset > 0,
      limit !== undefined,
      after !== undefined,
      // The rows are picked from our own values, which are decoded already.
      false,
      groupBy.length > 0,
      aggregates.length > 0,
      hint,
    ];
    this.u8(VERSION);
    this.varint(sections.reduce((bits, has, i) => bits | (has ? 1 << i : 0), 0));
    if (order.length > 0) this.order(order);
    if (offset > 0) this.varint(offset);
    if (limit !== undefined) this.varint(limit);
    if (after !== undefined) this.blob(after);
    if (groupBy.length > 0) this.attributes(groupBy);
    if (aggregates.length > 0) {
      this.varint(aggregates.length);
      for (const { kind, path } of aggregates) {
        this.u8(AggregateKind[kind]);
        if (path !== undefined) this.attribute(path);
      }
    }
    if (hint) this.hint(shape.hint);
    this.u8(VERSION);
    const [only] = shape.where;
    if (shape.where.length === 1 && only !== undefined) this.predicate(only);
    else this.predicate({ op: 'and', children: shape.where });
  }

  index(name: string, kind: IndexKind, parts: readonly OrderPart[]): void {
    this.text(name);
    this.u8(IndexKind[kind]);
    this.order(parts);
  }

  private order(parts: readonly OrderPart[]): void {
    this.varint(parts.length);
    for (const { path, descending } of parts) {
      this.attribute(path);
      this.u8(descending ? 1 : 0);
    }
  }

  private attributes(paths: readonly Path[]): void {
    this.varint(paths.length);
    for (const path of paths) this.attribute(path);
  }

  private attribute(path: Path): void {
    if (path === 'key') return this.u8(1);
    this.u8(0);
    this.varint(path.length);
    for (const step of path) this.text(step);
  }

  private hint({ forceScan, noShare, useIndex = '', orderIndex = '', noIndex = [] }: Hint): void {
    this.u8((forceScan === true ? 1 : 0) | (noShare === true ? 2 : 0));
    this.text(useIndex);
    this.text(orderIndex);
    const names = typeof noIndex === 'string' ? [noIndex] : noIndex;
    this.varint(names.length);
    for (const name of names) this.text(name);
  }

  private predicate(node: Predicate): void {
    switch (node.op) {
      case 'and':
      case 'or':
        this.u8(node.op === 'and' ? AND : OR);
        this.varint(node.children.length);
        for (const child of node.children) this.predicate(child);
        return;
      case 'not':
        this.u8(NOT);
        return this.predicate(node.child);
      case 'eq':
        return this.test(IN, node.attribute, [node.value]);
      case 'neq':
        this.u8(NOT);
        return this.test(IN, node.attribute, [node.value]);
      case 'in':
        return this.test(IN, node.attribute, node.values);
      case 'gt':
        return this.range(node.attribute, LOW, node.value);
      case 'gte':
        return this.range(node.attribute, LOW | LOW_INCLUSIVE, node.value);
      case 'lt':
        return this.range(node.attribute, HIGH, node.value);
      case 'lte':
        return this.range(node.attribute, HIGH | HIGH_INCLUSIVE, node.value);
      case 'between':
        this.range(node.attribute, LOW | LOW_INCLUSIVE | HIGH | HIGH_INCLUSIVE, node.low);
        return this.value(node.high);
      case 'missing':
        this.u8(MISSING);
        return this.attribute(pathOf(node.attribute));
      case 'containsAny':
      case 'containsAll':
        return this.test(TESTS[node.op], node.attribute, node.values);
      case 'like':
      case 'ilike':
      case 'startsWith':
      case 'endsWith':
        if (typeof node.text !== 'string') throw invalid(`${node.op} takes text`);
        return this.test(TESTS[node.op], node.attribute, [node.text]);
      default:
        throw invalid(`not a condition: ${String((node as { op: unknown }).op)}`);
    }
  }

  private test(kind: number, attribute: string | readonly string[], values: readonly unknown[]): void {
    if (!Array.isArray(values)) throw invalid('a list of values is an array');
    this.u8(kind);
    this.attribute(pathOf(attribute));
    this.varint(values.length);
    for (const value of values) this.value(value);
  }

  private range(attribute: string | readonly string[], flags: number, bound: unknown): void {
    this.u8(RANGE);
    this.attribute(pathOf(attribute));
    this.u8(flags);
    this.value(bound);
  }

  private value(value: unknown): void {
    const encoded = new QueryWriter();
    encoded.plainValue(value);
    this.blob(encoded.take());
  }

  /** A value as it is, without its length. */
  plainValue(value: unknown): void {
    try {
      encodeValue(value, this.writer);
    } catch (error) {
      throw error instanceof ValueError ? errorFromCode(error.code, error.message) : error;
    }
  }
}

function hasHint(hint: Hint): boolean {
  return Object.values(hint).some((wish: unknown) => wish !== undefined && wish !== false);
}

function invalid(detail: string): TopGunError {
  return new TopGunError(ErrorCode.InvalidArgument, detail);
}
