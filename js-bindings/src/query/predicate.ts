import { ErrorCode, TopGunError } from '../errors.js';
import type { Attribute, FieldValue } from './field.js';

/** Tests of one attribute with one value, by their names in the tree. */
type Comparison = 'eq' | 'neq' | 'gt' | 'gte' | 'lt' | 'lte';
type TextTest = 'like' | 'ilike' | 'startsWith' | 'endsWith';
type ContainmentTest = 'containsAny' | 'containsAll';

/** A condition as a tree of plain data. {@link Predicates} makes them; `docs/queries.md` says what each means. */
export type Predicate =
  | { readonly op: 'and' | 'or'; readonly children: readonly Predicate[] }
  | { readonly op: 'not'; readonly child: Predicate }
  | { readonly op: Comparison; readonly attribute: Attribute; readonly value: unknown }
  | { readonly op: 'between'; readonly attribute: Attribute; readonly low: unknown; readonly high: unknown }
  | { readonly op: 'in' | ContainmentTest; readonly attribute: Attribute; readonly values: readonly unknown[] }
  | { readonly op: TextTest; readonly attribute: Attribute; readonly text: string }
  | { readonly op: 'missing'; readonly attribute: Attribute };

/**
 * Makes conditions, to be combined at will.
 *
 * @example
 * ```ts
 * import { Predicates, TopGunClient } from 'topgun';
 *
 * const client = new TopGunClient();
 * await client.start();
 * client.getMap<{ age: number; name: string }>('people').set('1', { age: 41, name: 'Ann' });
 * const { rows } = await client
 *   .query<{ age: number; name: string }>('people')
 *   .where(Predicates.or(Predicates.greaterThan('age', 40), Predicates.startsWith('name', 'B')))
 *   .get();
 * console.log(rows.length); // 1
 * await client.close();
 * ```
 */
export const Predicates = {
  equal: (attribute: Attribute, value: unknown): Predicate => ({ op: 'eq', attribute, value }),
  notEqual: (attribute: Attribute, value: unknown): Predicate => ({ op: 'neq', attribute, value }),
  greaterThan: (attribute: Attribute, value: unknown): Predicate => ({ op: 'gt', attribute, value }),
  greaterThanOrEqual: (attribute: Attribute, value: unknown): Predicate => ({ op: 'gte', attribute, value }),
  lessThan: (attribute: Attribute, value: unknown): Predicate => ({ op: 'lt', attribute, value }),
  lessThanOrEqual: (attribute: Attribute, value: unknown): Predicate => ({ op: 'lte', attribute, value }),
  /** Both ends included. */
  between: (attribute: Attribute, low: unknown, high: unknown): Predicate => ({ op: 'between', attribute, low, high }),
  in: (attribute: Attribute, values: readonly unknown[]): Predicate => ({ op: 'in', attribute, values }),
  /** Text that matches as a whole: `%` stands for any text, `_` for one character, `\` takes the next as it is. */
  like: (attribute: Attribute, text: string): Predicate => ({ op: 'like', attribute, text }),
  /** As `like`; ASCII letters match in either case. */
  ilike: (attribute: Attribute, text: string): Predicate => ({ op: 'ilike', attribute, text }),
  startsWith: (attribute: Attribute, text: string): Predicate => ({ op: 'startsWith', attribute, text }),
  endsWith: (attribute: Attribute, text: string): Predicate => ({ op: 'endsWith', attribute, text }),
  /** An array with this element, or text with this inside it. */
  contains: (attribute: Attribute, value: unknown): Predicate => ({ op: 'containsAll', attribute, values: [value] }),
  containsAny: (attribute: Attribute, values: readonly unknown[]): Predicate => ({ op: 'containsAny', attribute, values }),
  containsAll: (attribute: Attribute, values: readonly unknown[]): Predicate => ({ op: 'containsAll', attribute, values }),
  /** Null, or not there. */
  isNull: (attribute: Attribute): Predicate => ({ op: 'in', attribute, values: [null] }),
  isNotNull: (attribute: Attribute): Predicate => Predicates.not(Predicates.isNull(attribute)),
  /** Not there at all. */
  isMissing: (attribute: Attribute): Predicate => ({ op: 'missing', attribute }),
  /** True without conditions. */
  and: (...children: readonly Predicate[]): Predicate => ({ op: 'and', children }),
  /** False without conditions. */
  or: (...children: readonly Predicate[]): Predicate => ({ op: 'or', children }),
  not: (child: Predicate): Predicate => ({ op: 'not', child }),
} as const;

/** Tests of one field, as `where` takes them; all of them must hold. */
export interface Tests<V> {
  readonly $eq?: V;
  readonly $ne?: V;
  readonly $gt?: V;
  readonly $gte?: V;
  readonly $lt?: V;
  readonly $lte?: V;
  readonly $in?: readonly V[];
  readonly $nin?: readonly V[];
  readonly $between?: readonly [V, V];
  readonly $like?: string;
  readonly $ilike?: string;
  readonly $startsWith?: string;
  readonly $endsWith?: string;
  readonly $contains?: V extends readonly (infer E)[] ? E : unknown;
  readonly $containsAny?: readonly (V extends readonly (infer E)[] ? E : unknown)[];
  readonly $containsAll?: readonly (V extends readonly (infer E)[] ? E : unknown)[];
  /** Whether the field is there, null or not. */
  readonly $exists?: boolean;
  /** Whether it is null or not there. */
  readonly $null?: boolean;
}

/**
 * A condition as an object: every field equals the value beside it, or passes the tests there
 * (`{ done: false, age: { $gt: 18 } }`). `$or`, `$and` and `$not` combine such objects.
 */
export type Where<T> = {
  readonly [F in Extract<keyof T, string>]?: T[F] | Tests<T[F]>;
} & {
  readonly $key?: string | Tests<string>;
  readonly [path: `${string}.${string}`]: unknown;
  readonly $and?: readonly Where<T>[];
  readonly $or?: readonly Where<T>[];
  readonly $not?: Where<T>;
};

/** The comparisons of the builder: `where('age', '>', 18)`. */
export type Operator =
  | '='
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | 'in'
  | 'not in'
  | 'between'
  | 'like'
  | 'ilike'
  | 'starts with'
  | 'ends with'
  | 'contains'
  | 'contains any'
  | 'contains all'
  | 'is'
  | 'is not';

/** What the builder's comparison takes on its right. */
export type Operand<T, F, O extends Operator> = O extends 'in' | 'not in'
  ? readonly FieldValue<T, F>[]
  : O extends 'between'
    ? readonly [FieldValue<T, F>, FieldValue<T, F>]
    : O extends 'like' | 'ilike' | 'starts with' | 'ends with'
      ? string
      : O extends 'contains any' | 'contains all'
        ? readonly unknown[]
        : O extends 'contains'
          ? unknown
          : O extends 'is' | 'is not'
            ? null | 'missing'
            : FieldValue<T, F>;

type Maker = (attribute: Attribute, operand: never) => Predicate;

const MAKERS: Readonly<Record<Operator, Maker>> = {
  '=': Predicates.equal,
  '==': Predicates.equal,
  '!=': Predicates.notEqual,
  '<': Predicates.lessThan,
  '<=': Predicates.lessThanOrEqual,
  '>': Predicates.greaterThan,
  '>=': Predicates.greaterThanOrEqual,
  in: Predicates.in,
  'not in': (attribute, values) => Predicates.not(Predicates.in(attribute, values)),
  between: (attribute, [low, high]: readonly [unknown, unknown]) => Predicates.between(attribute, low, high),
  like: Predicates.like,
  ilike: Predicates.ilike,
  'starts with': Predicates.startsWith,
  'ends with': Predicates.endsWith,
  contains: Predicates.contains,
  'contains any': Predicates.containsAny,
  'contains all': Predicates.containsAll,
  is: absent,
  'is not': (attribute, what) => Predicates.not(absent(attribute, what)),
};

function absent(attribute: Attribute, what: null | 'missing'): Predicate {
  return what === null ? Predicates.isNull(attribute) : Predicates.isMissing(attribute);
}

/** The condition of `where(field, operator, operand)`. */
export function comparison(attribute: Attribute, operator: string, operand: unknown): Predicate {
  if (!Object.hasOwn(MAKERS, operator)) throw invalid(`not a comparison: ${operator}`);
  return (MAKERS[operator as Operator] as (attribute: Attribute, operand: unknown) => Predicate)(attribute, operand);
}

const TESTS: Readonly<Record<string, (attribute: string, operand: never) => Predicate>> = {
  $eq: Predicates.equal,
  $ne: Predicates.notEqual,
  $gt: Predicates.greaterThan,
  $gte: Predicates.greaterThanOrEqual,
  $lt: Predicates.lessThan,
  $lte: Predicates.lessThanOrEqual,
  $in: Predicates.in,
  $nin: MAKERS['not in'],
  $between: MAKERS.between,
  $like: Predicates.like,
  $ilike: Predicates.ilike,
  $startsWith: Predicates.startsWith,
  $endsWith: Predicates.endsWith,
  $contains: Predicates.contains,
  $containsAny: Predicates.containsAny,
  $containsAll: Predicates.containsAll,
  $exists: (attribute, there: boolean) => unless(there, Predicates.isMissing(attribute)),
  $null: (attribute, isNull: boolean) => unless(!isNull, Predicates.isNull(attribute)),
};

function unless(negated: boolean, predicate: Predicate): Predicate {
  return negated ? Predicates.not(predicate) : predicate;
}

/** True for what {@link Predicates} makes, rather than an object for `where`. */
export function isPredicate(condition: object): condition is Predicate {
  const { op } = condition as { op?: unknown };
  const isTree = 'children' in condition || 'child' in condition || 'attribute' in condition;
  return typeof op === 'string' && isTree;
}

/** A condition in either form as a tree. */
export function predicateOf(condition: unknown): Predicate {
  if (typeof condition !== 'object' || condition === null) throw invalid('a condition is an object');
  if (isPredicate(condition)) return condition;
  const children: Predicate[] = [];
  for (const [name, value] of Object.entries(condition)) {
    if (value === undefined) continue;
    if (name === '$and') children.push(Predicates.and(...listOf(name, value).map(predicateOf)));
    else if (name === '$or') children.push(Predicates.or(...listOf(name, value).map(predicateOf)));
    else if (name === '$not') children.push(Predicates.not(predicateOf(value)));
    else if (name.startsWith('$') && name !== '$key') throw invalid(`not a field: ${name}`);
    else children.push(...testsOf(name, value));
  }
  const [only] = children;
  return children.length === 1 && only !== undefined ? only : Predicates.and(...children);
}

/** An object whose names begin with `$` is tests; everything else is a value to be equal to. */
function testsOf(attribute: string, value: unknown): Predicate[] {
  const isPlain =
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  const names = isPlain ? Object.keys(value as object) : [];
  if (!names.some((name) => name.startsWith('$'))) return [Predicates.equal(attribute, value)];
  return names.flatMap((name) => {
    const operand = (value as Record<string, unknown>)[name];
    if (operand === undefined) return [];
    const make = Object.hasOwn(TESTS, name) ? TESTS[name] : undefined;
    if (make === undefined) throw invalid(`not a test: ${name}`);
    return [(make as (attribute: string, operand: unknown) => Predicate)(attribute, operand)];
  });
}

function listOf(name: string, value: unknown): unknown[] {
  if (!Array.isArray(value)) throw invalid(`${name} takes an array`);
  return value;
}

function invalid(detail: string): TopGunError {
  return new TopGunError(ErrorCode.InvalidArgument, detail);
}
