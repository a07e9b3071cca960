import { ErrorCode, TopGunError } from '../errors.js';
import type { HydrationState } from './hydration.js';

// A state as text: JSON in which an object of the one key `$` stands for what JSON does not know,
// `{"$": ["date", 0]}`, and `<` is escaped, so that the text may stand in a script element.

type Tagged = readonly ['date' | 'bigint' | 'bytes' | 'number' | 'object', unknown];

/** The state as text that may be put into a `<script type="application/json">`. For `parseState`. */
export function stringifyState(state: HydrationState): string {
  return JSON.stringify(toJson(state)).replaceAll('<', '\\u003c');
}

/** The state that `stringifyState` wrote, its values frozen. */
export function parseState(text: string): HydrationState {
  return fromJson(JSON.parse(text)) as HydrationState;
}

function toJson(value: unknown): unknown {
  if (typeof value === 'bigint') return tagged('bigint', String(value));
  if (typeof value === 'number') {
    const inJson = Number.isFinite(value) && !Object.is(value, -0);
    return inJson ? value : tagged('number', Object.is(value, -0) ? '-0' : String(value));
  }
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return tagged('date', value.getTime());
  if (value instanceof Uint8Array) return tagged('bytes', base64(value));
  if (Array.isArray(value)) return value.map(toJson);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new TopGunError(ErrorCode.InvalidArgument, 'a state holds plain values only');
  }
  const copy = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, toJson(each)]));
  return '$' in copy ? tagged('object', copy) : copy;
}

function base64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

function tagged(...[kind, content]: Tagged): { readonly $: Tagged } {
  return { $: [kind, content] };
}

function fromJson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return Object.freeze(value.map(fromJson));
  if (!('$' in value)) return fields(value);
  const [kind, content] = value.$ as Tagged;
  switch (kind) {
    case 'date':
      return new Date(content as number);
    case 'bigint':
      return BigInt(content as string);
    case 'number':
      return Number(content);
    case 'bytes':
      return Uint8Array.from(atob(content as string), (digit) => digit.charCodeAt(0));
    case 'object':
      return fields(content as object);
  }
}

function fields(object: object): object {
  const entries = Object.entries(object).map(([key, each]) => [key, fromJson(each)] as const);
  return Object.freeze(Object.fromEntries(entries));
}
