import { ErrorCode } from '../error-codes.js';

/** What `/sync` takes and answers: frames of the native protocol (docs/http.md). */
export const FRAME_TYPE = 'application/x-topgun';
/** Smaller bodies are not worth packing. */
export const PACKED_BYTES_MIN = 4096;

/** Headers of a request with a frame. */
export function frameHeaders(accept: string, token: string, isPacked: boolean): Record<string, string> {
  return {
    'content-type': FRAME_TYPE,
    accept,
    ...(isPacked ? { 'content-encoding': 'gzip' } : {}),
    ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
  };
}

/** The media type of an answer, without parameters. */
export function typeOf(response: Response): string | undefined {
  return response.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
}

/** The kind of an Error message. */
const ERROR = 71;

/** A frame that says no to a request as a whole: an Error message, fatal, with nothing more to say. */
export function refusalFrame(code: number): Uint8Array<ArrayBuffer> {
  const payload = [ERROR, code & 0xff, code >> 8, 1, 0, 0];
  return Uint8Array.of(payload.length, ...payload);
}

/**
 * The frames of an answer, whatever its status. Throws if it is not from a node, or not all of it; but
 * whoever on the way finds a request too large means what a node means by it.
 */
export async function readAnswer(response: Response): Promise<Uint8Array> {
  if (isTooLarge(response)) return refusalFrame(ErrorCode.TooLarge);
  if (typeOf(response) !== FRAME_TYPE) throw new Error(`answered ${response.status}`);
  const answer = new Uint8Array(await response.arrayBuffer());
  if (!isWhole(answer)) throw new Error('the answer is cut off');
  return answer;
}

/** True if something on the way takes less than a node. */
export function isTooLarge(response: Response): boolean {
  return response.status === 413 && typeOf(response) !== FRAME_TYPE;
}

/** The body in gzip. */
export async function pack(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Response(packed).arrayBuffer();
}

/** True for at least one message, and whole ones only: each has its size before it, as a varint. */
function isWhole(frame: Uint8Array): boolean {
  let at = 0;
  while (at < frame.length) {
    let size = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = frame[at++];
      if (byte === undefined || scale > 2 ** 28) return false;
      size += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    at += size;
  }
  return at === frame.length && at > 0;
}
