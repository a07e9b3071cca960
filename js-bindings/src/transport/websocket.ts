import { ErrorCode, TopGunError } from '../errors.js';
import type { Socket, SocketEvents, SocketFactory } from './socket.js';

/** The part of the WebSocket interface that is used; browsers, workerd, Node 22 and `ws` have it. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: Uint8Array): void;
  close(): void;
}

/** A WebSocket constructor. */
export type WebSocketConstructor = new (url: string) => WebSocketLike;

const OPEN = 1;

/** A socket factory over a WebSocket class that may first have to be found. */
export function webSockets(find: () => Promise<WebSocketConstructor>): SocketFactory {
  return (url, events) => new WebSocketSocket(url, events, find);
}

class WebSocketSocket implements Socket {
  private socket: WebSocketLike | undefined;
  private ended = false;
  private readonly events: SocketEvents;

  constructor(url: string, events: SocketEvents, find: () => Promise<WebSocketConstructor>) {
    this.events = events;
    find()
      .then((Constructor) => this.open(new Constructor(url)))
      .catch(() => this.end());
  }

  send(frame: Uint8Array): void {
    // A frame lost here is sent again after the reconnect: the outbox knows what was acknowledged.
    if (this.socket?.readyState === OPEN) this.socket.send(frame);
  }

  close(): void {
    this.ended = true;
    this.socket?.close();
  }

  private open(socket: WebSocketLike): void {
    // An error is always followed by a close; without a handler `ws` would throw.
    socket.onerror = () => undefined;
    if (this.ended) return socket.close();
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => this.ended || this.events.opened();
    socket.onmessage = ({ data }: { data: unknown }) => {
      if (!this.ended && data instanceof ArrayBuffer) this.events.frame(new Uint8Array(data));
    };
    socket.onclose = () => this.end();
  }

  private end(): void {
    if (this.ended) return;
    this.ended = true;
    this.events.closed();
  }
}

/**
 * The address of a server's WebSocket: `http` and `https` become `ws` and `wss`, and a URL without
 * a path gets `/ws`. Throws `InvalidArgument` on anything else.
 */
export function webSocketUrl(serverUrl: string): string {
  const url = parseUrl(serverUrl);
  url.protocol = url.protocol.replace('http', 'ws');
  if (url.pathname === '/') url.pathname = '/ws';
  return url.href;
}

/**
 * The address of a server's requests, `/sync` beside its WebSocket: the last part of the path is
 * replaced if it is `ws`, and `sync` appended otherwise. Throws as `webSocketUrl`.
 */
export function syncUrl(serverUrl: string): string {
  const url = parseUrl(serverUrl);
  url.protocol = url.protocol.replace('ws', 'http');
  url.pathname = url.pathname.replace(/\/(ws|sync)?$/, '') + '/sync';
  url.search = '';
  return url.href;
}

function parseUrl(serverUrl: string): URL {
  let url: URL;
  try {
    url = new URL(serverUrl);
  } catch (cause) {
    throw new TopGunError(ErrorCode.InvalidArgument, `serverUrl: ${serverUrl}`, { cause });
  }
  if (/^(ws|http)s?:$/.test(url.protocol)) return url;
  throw new TopGunError(ErrorCode.InvalidArgument, `serverUrl: ${serverUrl} is no ws: or http:`);
}
