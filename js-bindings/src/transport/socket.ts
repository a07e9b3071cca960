/** One open transport: whole binary frames, in order. */
export interface Socket {
  send(frame: Uint8Array): void;
  close(): void;
}

/** What happens to a socket. `closed` is the last call, and comes exactly once. */
export interface SocketEvents {
  opened(): void;
  frame(bytes: Uint8Array): void;
  closed(): void;
}

/** Opens a transport. Failing to open is reported as `closed`, never thrown. */
export type SocketFactory = (url: string, events: SocketEvents) => Socket;
