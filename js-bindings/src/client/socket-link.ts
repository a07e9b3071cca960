import type { Socket, SocketFactory } from '../transport/socket.js';

/** What the link reports to the engine. */
export interface SocketLinkEvents {
  opened(): void;
  frame(bytes: Uint8Array): void;
  closed(): void;
}

/**
 * The engine's one transport. The engine decides when to connect and when to give up; the link only
 * opens and closes sockets, and keeps late events of an old socket from reaching a new one.
 */
export class SocketLink {
  private readonly url: string | undefined;
  private readonly factory: SocketFactory;
  private readonly events: SocketLinkEvents;
  private socket: Socket | undefined;
  private generation = 0;

  constructor(url: string | undefined, factory: SocketFactory, events: SocketLinkEvents) {
    this.url = url;
    this.factory = factory;
    this.events = events;
  }

  connect(): void {
    this.disconnect();
    if (this.url === undefined) return;
    const generation = this.generation;
    const current = (run: () => void) => () => {
      if (generation === this.generation) run();
    };
    this.socket = this.factory(this.url, {
      opened: current(() => this.events.opened()),
      frame: (bytes) => {
        if (generation === this.generation) this.events.frame(bytes);
      },
      closed: current(() => {
        this.socket = undefined;
        this.events.closed();
      }),
    });
  }

  send(frame: Uint8Array): void {
    this.socket?.send(frame);
  }

  /** Closes without reporting it: whoever asks for it knows. */
  disconnect(): void {
    this.generation++;
    this.socket?.close();
    this.socket = undefined;
  }
}
