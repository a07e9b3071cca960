import { ErrorCode } from '../errors.js';
import { FRAME_TYPE, refusalFrame } from '../transport/post.js';

/** How `syncRelay` forwards. */
export interface SyncRelayOptions {
  /** The server, such as `https://origin.example`. */
  readonly origin: string;
  /** Larger requests are refused here. Default: 1 MiB, as the server's. */
  readonly bodyBytesMax?: number;
  /** How long the server may take to begin its answer. Default: 60 s, since it may hold one back. */
  readonly timeoutMs?: number;
  /** How to reach the server, if not by the global `fetch`: that of a service binding, for example. */
  readonly fetch?: typeof fetch;
}

const BODY_BYTES_MAX = 1 << 20;
const TIMEOUT_MS = 60_000;
const METHODS = ['GET', 'POST', 'OPTIONS'];
/** What the server judges a request by. Nothing else of it leaves. */
const REQUEST_HEADERS = [
  'accept',
  'access-control-request-headers',
  'access-control-request-method',
  'authorization',
  'content-encoding',
  'content-type',
  'origin',
];
/** What is about one connection, or about the form of a body that has been decoded. */
const DROPPED_HEADERS = ['connection', 'content-encoding', 'content-length', 'keep-alive', 'transfer-encoding'];

/**
 * Answers `/sync` and `/sync/events` next to the user: bodies go to the server and back as streams,
 * with the user's token. Requests that are none of these get 404, 405 or 413; a server that cannot be
 * reached is a 502.
 *
 * @example
 * ```ts
 * import { syncRelay } from 'topgun/edge';
 *
 * const worker = {
 *   fetch: (request: Request): Promise<Response> => syncRelay(request, { origin: 'https://example.org' }),
 * };
 * console.log((await worker.fetch(new Request('http://edge/other'))).status); // 404
 * ```
 */
export async function syncRelay(request: Request, options: SyncRelayOptions): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const path = /\/sync(\/events)?$/.exec(pathname)?.[0];
  if (path === undefined) return new Response('not found\n', { status: 404 });
  if (!METHODS.includes(request.method)) {
    return new Response('not allowed\n', { status: 405, headers: { allow: METHODS.join(', ') } });
  }
  const bytesMax = options.bodyBytesMax ?? BODY_BYTES_MAX;
  if (Number(request.headers.get('content-length') ?? 0) > bytesMax) return tooLarge();
  const limit = new BodyLimit(request, bytesMax);
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), options.timeoutMs ?? TIMEOUT_MS);
  try {
    const send = options.fetch ?? fetch;
    const answer = await send(new URL(path + search, options.origin).href, {
      method: request.method,
      headers: pick(request.headers),
      signal: abort.signal,
      ...limit.init(),
    });
    return passOn(answer);
  } catch {
    if (limit.exceeded) return tooLarge();
    return new Response('the server cannot be reached\n', { status: 502, headers: { 'retry-after': '1' } });
  } finally {
    clearTimeout(timer);
  }
}

/** The body of a request, which breaks off where it gets too large. */
class BodyLimit {
  exceeded = false;
  private readonly body: ReadableStream<Uint8Array> | null;

  constructor(request: Request, bytesMax: number) {
    let left = bytesMax;
    // A length that was announced is kept to, and a stream would lose it.
    const isBounded = request.headers.has('content-length');
    const limit = (): TransformStream<Uint8Array, Uint8Array> =>
      new TransformStream({
        transform: (chunk, controller) => {
          left -= chunk.length;
          this.exceeded ||= left < 0;
          if (this.exceeded) controller.error(new RangeError('the body is too large'));
          else controller.enqueue(chunk);
        },
      });
    this.body = isBounded ? request.body : (request.body?.pipeThrough(limit()) ?? null);
  }

  init(): RequestInit {
    // Node wants to be told that it need not hear the answer while it sends.
    return this.body === null ? {} : ({ body: this.body, duplex: 'half' } as RequestInit);
  }
}

function pick(headers: Headers): Headers {
  const picked = new Headers({ 'accept-encoding': 'identity' });
  for (const name of REQUEST_HEADERS) {
    const value = headers.get(name);
    if (value !== null) picked.set(name, value);
  }
  return picked;
}

function passOn(answer: Response): Response {
  const headers = new Headers(answer.headers);
  for (const name of DROPPED_HEADERS) headers.delete(name);
  return new Response(answer.body, { status: answer.status, headers });
}

function tooLarge(): Response {
  return new Response(refusalFrame(ErrorCode.TooLarge), { status: 413, headers: { 'content-type': FRAME_TYPE } });
}
