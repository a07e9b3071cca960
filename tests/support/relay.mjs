// A TCP relay that is a bad network on demand: the way of one client to a server, with everything that may
// happen on it. What a connection goes through is decided by whoever holds the relay; the relay
// draws nothing but the sizes of pieces and the jitter, from its seed.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

import { Draws } from './draws.mjs';

/** Bytes on their way before the relay stops reading, like the buffers of a real path. */
const kQueuedBytesMax = 256 * 1024;

/** How a direction treats bytes when nothing is wrong. */
const kClear = { delayMs: 0, jitterMs: 0, bytesPerSecond: Infinity, pieceBytesMax: Infinity, held: false };

/** One direction of one connection. */
class Pipe {
  #from;
  #to;
  #draws;
  #conditions;
  #queue = []; // {at, bytes}; bytes undefined: the end.
  #queuedBytes = 0;
  #lastAt = 0;
  #timer;
  #blocked = false;

  constructor(from, to, conditions, draws) {
    this.#from = from;
    this.#to = to;
    this.#conditions = conditions;
    this.#draws = draws;
    from.on('data', (chunk) => this.#take(chunk));
    from.on('end', () => this.#enqueue(undefined));
    to.on('drain', () => {
      this.#blocked = false;
      this.pump();
    });
    to.on('close', () => clearTimeout(this.#timer));
  }

  #take(chunk) {
    for (let at = 0; at < chunk.length; ) {
      const most = Math.min(this.#conditions.pieceBytesMax, chunk.length - at);
      const size = most === chunk.length ? most : 1 + this.#draws.below(most);
      this.#enqueue(chunk.subarray(at, at + size));
      at += size;
    }
    if (this.#queuedBytes > kQueuedBytesMax) this.#from.pause();
  }

  #enqueue(bytes) {
    const { delayMs, jitterMs, bytesPerSecond } = this.#conditions;
    const length = bytes?.length ?? 0;
    const jitter = jitterMs > 0 ? this.#draws.below(jitterMs) : 0;
    const arrives = performance.now() + delayMs + jitter;
    // Order stays what it was, and a slow line sends one byte after the other.
    this.#lastAt = Math.max(arrives, this.#lastAt + (length * 1000) / bytesPerSecond);
    this.#queue.push({ at: this.#lastAt, bytes });
    this.#queuedBytes += length;
    this.pump();
  }

  /** Delivers what is due. To be called when conditions have changed. */
  pump() {
    clearTimeout(this.#timer);
    while (this.#queue.length > 0 && !this.#conditions.held && !this.#blocked) {
      if (this.#to.destroyed) return;
      const { at, bytes } = this.#queue[0];
      const wait = at - performance.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.pump(), wait);
        return;
      }
      this.#queue.shift();
      if (bytes === undefined) {
        this.#to.end();
        return;
      }
      this.#queuedBytes -= bytes.length;
      this.#blocked = !this.#to.write(bytes);
    }
    if (this.#queuedBytes <= kQueuedBytesMax && this.#from.isPaused()) this.#from.resume();
  }
}

/** Ends a socket with RST. With a write or an end under way Node 20 never finishes that, not even at its exit. */
function reset(socket) {
  if (socket.writableLength > 0 || socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/** One connection of a client, and the one to the server that stands for it. */
class Link {
  constructor(client, server, relay) {
    this.client = client;
    this.server = server;
    this.pipes = [
      new Pipe(client, server, relay.up, relay.draws),
      new Pipe(server, client, relay.down, relay.draws),
    ];
    const closed = (end) => new Promise((resolve) => end.on('close', resolve));
    this.ended = Promise.all([closed(client), closed(server)]);
    for (const [end, other] of [[client, server], [server, client]]) {
      end.setNoDelay(true);
      end.on('error', () => {}); // 'close' follows.
      end.on('close', () => {
        // A forgotten peer hears nothing, not even that the connection is over.
        if (!this.forgotten && !other.destroyed) reset(other);
      });
    }
  }

  reset() {
    reset(this.client);
    reset(this.server);
  }

  /** Half open: the server's side is reset, the client's stays up and silent. */
  forgetClient() {
    this.forgotten = true;
    reset(this.server);
  }
}

/** Stands between one client and `port` on this machine. All links share its conditions. */
export class Relay {
  static async start({ port, seed }) {
    const relay = new Relay(port, seed);
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  /** Conditions from client to server and back; change them with `set`. */
  up = { ...kClear };
  down = { ...kClear };
  draws;
  /** New connections are reset: until the relay is healed, or as long as the holder wants. */
  refuses = false;
  isShut = false;
  accepted = 0;
  #server;
  #links = new Set();

  constructor(port, seed) {
    this.draws = new Draws(seed, 'relay');
    this.#server = createServer({ allowHalfOpen: true }, (client) => {
      if (this.refuses || this.isShut) return reset(client);
      this.accepted += 1;
      const link = new Link(client, connect({ port, host: '127.0.0.1', allowHalfOpen: true }), this);
      this.#links.add(link);
      link.ended.then(() => this.#links.delete(link));
    });
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}/`;
  }

  /** Changes conditions of both directions, or of one. */
  set(conditions, directions = [this.up, this.down]) {
    for (const direction of directions) Object.assign(direction, conditions);
    for (const link of this.#links) for (const pipe of link.pipes) pipe.pump();
  }

  reset() {
    for (const link of this.#links) link.reset();
  }

  forgetClients() {
    for (const link of this.#links) link.forgetClient();
  }

  /** Everything is well again. Ends that were forgotten learn it now. */
  heal() {
    this.refuses = false;
    this.set(kClear);
    for (const link of this.#links) if (link.forgotten) link.reset();
  }

  close() {
    this.#server.close();
    this.reset();
  }
}
