/**
 * Values to and from their stored bytes; the JavaScript twin of `core/value`, held to it by
 * `tests/vectors/value.tsv`.
 *
 * ```ts
 * const writer = new ValueWriter();
 * encodeValue({ title: 'Milk', done: false }, writer);
 * decodeValue(writer.take()); // { done: false, title: 'Milk' }
 * ```
 */
export { decodeValue } from './decode.js';
export { ValueWriter, encodeValue } from './encode.js';
export {
  BIGINT_BYTES_MAX,
  Extension,
  VALUE_BYTES_MAX,
  VALUE_DEPTH_MAX,
  ValueError,
  ValueErrorCode,
  type Value,
} from './types.js';
