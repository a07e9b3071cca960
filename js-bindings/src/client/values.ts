import type { EncodedValue } from '../bindings/events.js';
import { Extension, ValueWriter, decodeValue, encodeValue } from '../value/msgpack.js';

/**
 * A frozen copy of what the application passed in, holding exactly what the stored bytes hold: the
 * mirror must not change when the application changes its object, nor differ from other replicas.
 * The value was encoded before, so that it is known to be storable.
 */
export function frozenCopy(value: unknown): unknown {
  if (typeof value !== 'object') return value === undefined ? null : value;
  if (value === null) return null;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype) return frozenObject(value as Record<string, unknown>);
  if (Array.isArray(value)) return Object.freeze(Array.from(value, frozenCopy));
  if (value instanceof Date) return new Date(value.getTime());
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (value instanceof Extension) return value;
  return frozenObject({ ...(value as Record<string, unknown>) });
}

function frozenObject(object: Record<string, unknown>): object {
  // Not by spreading: V8 reads frozen objects that were made so five times slower.
  const copy: Record<string, unknown> = Object.assign({}, object);
  for (const key in copy) {
    const field = copy[key];
    if (typeof field === 'object' && field !== null) copy[key] = frozenCopy(field);
    else if (field === undefined) delete copy[key];
  }
  return Object.freeze(copy);
}

/** The value behind stored bytes, frozen. */
export function decodeFrozen({ bytes, offset, length }: EncodedValue): unknown {
  return freeze(decodeValue(bytes, offset, length));
}

/** Freezes the value and all that is in it; returns it. */
export function freeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) value.forEach(freeze);
  else if (Object.getPrototypeOf(value) === Object.prototype) {
    for (const field of Object.values(value)) freeze(field);
  } else {
    // Dates and bytes cannot be frozen.
    return value;
  }
  return Object.freeze(value);
}

const left = new ValueWriter();
const right = new ValueWriter();

/** True when both are stored as the same bytes. */
export function sameValue(a: unknown, b: unknown): boolean {
  left.size = 0;
  right.size = 0;
  encodeValue(a, left);
  encodeValue(b, right);
  if (left.size !== right.size) return false;
  for (let i = 0; i < left.size; i++) if (left.bytes[i] !== right.bytes[i]) return false;
  return true;
}
