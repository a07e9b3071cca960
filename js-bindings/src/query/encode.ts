import { ByteWriter } from '../bindings/byte-writer.js';
import { ErrorCode, TopGunError, errorFromCode } from '../errors.js';
import { ValueError, encodeValue } from '../value/msgpack.js';
import { WHOLE, pathOf, type Attribute, type Scope, type ValueShape } from './field.js';
import type { Predicate } from './predicate.js';

const VERSION = 1;
/** A writer that had to grow beyond this is not kept. */
const SPARE_BYTES_MAX = 64 * 1024;

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

/** Numbers of `JoinKind` in `core/query/query.hpp`. */
export const JoinKind = { inner: 0, left: 1, semi: 2, anti: 3 } as const;
export type JoinKind = keyof typeof JoinKind;

/** A place to sort by, and in which direction. */
export interface OrderPart {
  readonly field: Attribute;
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

/** A map or view, and how its values are made. */
export interface Relation {
  readonly name: string;
  readonly isView: boolean;
  readonly shape: ValueShape;
  /** The maps that it is made of: itself, or those below the view. */
  readonly maps: readonly string[];
}

/** Another relation that a query looks at. */
export interface Join {
  readonly kind: JoinKind;
  readonly relation: Relation;
  /** What its fields begin with, and rows call its record. */
  readonly name: string;
  readonly on: readonly (readonly [Attribute, Attribute])[];
  readonly where: readonly Predicate[];
}

/** What is asked, in the names of whoever asks. */
export interface Shape {
  readonly where: readonly Predicate[];
  readonly order: readonly OrderPart[];
  readonly offset: number;
  readonly limit: number | undefined;
  readonly after: Uint8Array | undefined;
  readonly select: readonly Attribute[];
  readonly groupBy: readonly Attribute[];
  readonly aggregates: readonly { readonly kind: AggregateKind; readonly field: Attribute | undefined }[];
  readonly joins: readonly Join[];
  readonly hint: Hint;
}

/** What the names of a query stand for. */
export function scopeOf(own: ValueShape, { joins }: Shape): Scope {
  return { own, joins: joins.map(({ name, relation }) => ({ name, shape: relation.shape })) };
}

/** Writes queries, index definitions and the commands that carry them (`docs/engine-protocol.md`). */
export class QueryWriter extends ByteWriter {
  private scope: Scope = { own: WHOLE, joins: [] };

  /** Kept for the next one who needs it: what is asked is small, and asked often. */
  private static spare: QueryWriter | undefined;

  /** What `use` makes of a writer, which is borrowed. */
  static borrow<R>(use: (writer: QueryWriter) => R): R {
    const writer = QueryWriter.spare ?? new QueryWriter();
    // Within `use` another one may be borrowed.
    QueryWriter.spare = undefined;
    writer.writer.size = 0;
    try {
      return use(writer);
    } finally {
      if (writer.writer.bytes.length <= SPARE_BYTES_MAX) QueryWriter.spare = writer;
    }
  }

  /** One command with its size, as `CommandBuffer.appendEncoded` takes it. Borrowed until the next is written. */
  static command(code: number, fill: (writer: QueryWriter) => void): Uint8Array {
    return QueryWriter.borrow((query) => {
      query.u32(0);
      query.u8(code);
      fill(query);
      const { writer } = query;
      const end = writer.size;
      writer.size = 0;
      query.u32(end - 4);
      writer.size = end;
      return writer.bytes.subarray(0, end);
    });
  }

  /**
   * A query over values of the shape `own`. Selections are written for views alone: to others rows are
   * made from values that are at hand.
   */
  query(shape: Shape, own: ValueShape, forView = false): void {
    const { order, offset, limit, after, groupBy, aggregates, joins } = shape;
    const select = forView ? shape.select : [];
    const hint = hasHint(shape.hint);
    const sections = [
      order.length > 0,
      offset > 0,
      limit !== undefined,
      after !== undefined,
      select.length > 0,
      groupBy.length > 0,
      aggregates.length > 0,
      hint,
      joins.length > 0,
    ];
    this.u8(VERSION);
    this.varint(sections.reduce((bits, has, i) => bits | (has ? 1 << i : 0), 0));
    this.scope = scopeOf(own, shape);
    if (order.length > 0) this.order(order);
    if (offset > 0) this.varint(offset);
    if (limit !== undefined) this.varint(limit);
    if (after !== undefined) this.blob(after);
    if (select.length > 0) this.attributes(select);
    if (groupBy.length > 0) this.attributes(groupBy);
    if (aggregates.length > 0) {
      this.varint(aggregates.length);
      for (const { kind, field } of aggregates) {
        this.u8(AggregateKind[kind]);
        if (field !== undefined) this.attribute(field);
      }
    }
    if (hint) this.hint(shape.hint);
    if (joins.length > 0) this.joins(joins);
    this.condition(shape.where);
  }

  /** The relation that a command is about. */
  relation({ name, isView }: Relation, handle: number): void {
    this.varint(isView ? 0 : handle);
    if (isView) this.text(name);
  }

  index(name: string, kind: IndexKind, parts: readonly OrderPart[], own: ValueShape): void {
    this.scope = { own, joins: [] };
    this.text(name);
    this.u8(IndexKind[kind]);
    this.order(parts);
  }

  private condition(where: readonly Predicate[]): void {
    this.u8(VERSION);
    const [only] = where;
    this.predicate(where.length === 1 && only !== undefined ? only : { op: 'and', children: where });
  }

  private joins(joins: readonly Join[]): void {
    this.varint(joins.length);
    const { scope } = this;
    for (const { kind, relation, on, where } of joins) {
      this.u8(JoinKind[kind]);
      this.text(relation.name);
      this.varint(on.length);
      const joined = { own: relation.shape, joins: [] };
      for (const [left, right] of on) {
        this.scope = scope;
        this.attribute(left);
        this.scope = joined;
        this.attribute(right);
      }
      this.condition(where);
    }
    this.scope = scope;
  }

  private order(parts: readonly OrderPart[]): void {
    this.varint(parts.length);
    for (const { field, descending } of parts) {
      this.attribute(field);
      this.u8(descending ? 1 : 0);
    }
  }

  private attributes(fields: readonly Attribute[]): void {
    this.varint(fields.length);
    for (const field of fields) this.attribute(field);
  }

  private attribute(field: Attribute): void {
    const { side, steps } = pathOf(field, this.scope);
    this.u8((steps === undefined ? 1 : 0) + (side === 0 ? 0 : 2));
    if (side > 0) this.u8(side);
    if (steps === undefined) return;
    this.varint(steps.length);
    for (const step of steps) this.text(step);
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
        return this.attribute(node.attribute);
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
    this.attribute(attribute);
    this.varint(values.length);
    for (const value of values) this.value(value);
  }

  private range(attribute: string | readonly string[], flags: number, bound: unknown): void {
    this.u8(RANGE);
    this.attribute(attribute);
    this.u8(flags);
    this.value(bound);
  }

  private value(value: unknown): void {
    const { writer } = this;
    const start = writer.size;
    this.u8(0);
    this.plainValue(value);
    const length = writer.size - start - 1;
    if (length < 0x80) {
      writer.bytes[start] = length;
      return;
    }
    const encoded = writer.bytes.slice(start + 1, writer.size);
    writer.size = start;
    this.blob(encoded);
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
