import type { ByteReader } from '../bindings/reader.js';
import { decodeFrozen } from '../client/values.js';
import { textOf, type Explanation, type QueryResult } from './query.js';
import type { RowReader } from './rows.js';

/** What a node says of a plan begins with the kind of answer that it is. @internal */
export function readExplanation(answer: ByteReader): Explanation {
  answer.u8();
  return readTree(answer);
}

/** @internal */
export function readTree({ bytes, offset, end }: ByteReader): Explanation {
  return decodeFrozen({ bytes, offset, length: end - offset }) as Explanation;
}

/** The node tells of each group its key as well. @internal */
export function readNodeAnswer(reader: RowReader, answer: ByteReader): QueryResult<object> {
  const isGrouped = reader.begin(answer);
  const rows = Array.from({ length: answer.varint() }, () => {
    if (!isGrouped) return reader.row(answer);
    answer.blob();
    return reader.group(answer.blob());
  });
  const cursor = answer.blob();
  return { rows, cursor: cursor.length === 0 ? undefined : textOf(cursor) };
}

/** @internal */
export function readAnswer(reader: RowReader, answer: ByteReader): QueryResult<object> {
  const isGrouped = reader.begin(answer);
  const rows: object[] = [];
  for (let n = answer.varint(); n > 0; n--) rows.push(isGrouped ? reader.group(answer.blob()) : reader.row(answer));
  const cursor = isGrouped ? new Uint8Array() : answer.blob();
  return { rows, cursor: cursor.length === 0 ? undefined : textOf(cursor) };
}
