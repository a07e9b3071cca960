import type { EngineFactory } from '../../src/bindings/engine.js';
import { BaseClient, type ClientEvents } from '../../src/client/client.js';
import type { TopGunClientOptions } from '../../src/client/options.js';
import type { Platform } from '../../src/platform/platform.js';
import { QueryClient } from '../../src/query/client.js';
import { memoryStorage } from '../../src/storage/memory.js';
import type { Socket, SocketEvents } from '../../src/transport/socket.js';

/** Sockets that a test opens, feeds and closes by hand. */
export class FakeNetwork {
  readonly opened: { url: string; events: SocketEvents; sent: Uint8Array[]; closed: boolean }[] = [];

  readonly connect = (url: string, events: SocketEvents): Socket => {
    const socket = { url, events, sent: [] as Uint8Array[], closed: false };
    this.opened.push(socket);
    return {
      send: (frame) => socket.sent.push(frame.slice()),
      close: () => {
        socket.closed = true;
      },
    };
  };
}

/** A client on a given core, without a network unless one is passed. */
export function clientOn(
  factory: EngineFactory,
  options: TopGunClientOptions = {},
  network = new FakeNetwork(),
): BaseClient {
  return new BaseClient(options, platformOf(factory, network));
}

/** A client that answers queries, likewise. */
export function queryClientOn(factory: EngineFactory, options: TopGunClientOptions = {}): QueryClient {
  return new QueryClient(options, platformOf(factory, new FakeNetwork()));
}

function platformOf(factory: EngineFactory, network: FakeNetwork): Platform {
  return {
    loadEngine: async () => factory,
    defaultStorage: memoryStorage,
    connect: network.connect,
    onConnectivity: () => () => undefined,
  };
}

/** What the next event of this name carries. */
export function next<Name extends keyof ClientEvents>(
  client: BaseClient,
  name: Name,
): Promise<ClientEvents[Name]> {
  return new Promise((resolve) => {
    const stop = client.on(name, (argument) => {
      stop();
      resolve(argument);
    });
  });
}
