import { Command, type CommandBuffer } from '../bindings/commands.js';
import type { Platform } from '../platform/platform.js';
import { memoryOf } from '../transport/memory.js';
import type { Transport } from '../transport/negotiator.js';
import { syncUrl, webSocketUrl, webSockets } from '../transport/websocket.js';
import type { EngineHost } from './engine-host.js';
import type { TopGunClientOptions } from './options.js';
import { TransportLink } from './transport-link.js';

/** What the link wants to know of its replica, and tells it. */
export interface ServerLinkOwner {
  token(): string;
  changed(transport: Transport): void;
}

/** Connects an engine to the server that the options name; nothing if they name none. */
export function linkToServer(
  options: TopGunClientOptions,
  platform: Platform,
  host: EngineHost,
  owner: ServerLinkOwner,
): TransportLink | undefined {
  const { serverUrl, WebSocket: given } = options;
  if (serverUrl === undefined) return undefined;
  const url = syncUrl(serverUrl);
  const load = platform.http;
  const tell = (append: (buffer: CommandBuffer) => void): void => host.tell(append);
  return new TransportLink(
    {
      socketUrl: webSocketUrl(serverUrl),
      openSocket: given === undefined ? platform.connect : webSockets(async () => given),
      http: load && { url, load, options: options.http ?? {} },
      wanted: options.transport ?? 'auto',
      memory: memoryOf(url, platform.transportStore?.()),
      token: () => owner.token(),
    },
    {
      opened: (kind) => tell((buffer) => buffer.transportOpened(kind)),
      frame: (bytes) => tell((buffer) => buffer.transportFrame(bytes)),
      part: (exchange, bytes) => tell((buffer) => buffer.exchangePart(exchange, bytes)),
      done: (exchange) => tell((buffer) => buffer.exchangeDone(exchange)),
      closed: () => tell((buffer) => buffer.plain(Command.TransportClosed)),
      polling: (polling) => tell((buffer) => buffer.setPolling(polling)),
      transport: (transport) => owner.changed(transport),
    },
  );
}
