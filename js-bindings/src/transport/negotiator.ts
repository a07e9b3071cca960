import type { TransportFacts } from './exchanges.js';

/** What carries the conversation with the server. */
export type Transport = 'websocket' | 'http';

/** A WebSocket that ends before is a sign that something on the way does not like it. */
export const SHORT_LIFE_MS = 20_000;
const SHORT_LIVES_MAX = 3;
const SHORT_LIVES_SPAN_MS = 60_000;
const PROBE_MS_MIN = 5_000;
const PROBE_MS_MAX = 5 * 60_000;

/**
 * Decides by which transport to connect. WebSockets come first. Requests take over where a WebSocket
 * cannot be opened or keeps dying, until a probe gets through again. What worked here before decides
 * what is tried first, and how soon it is given up. One connect tries both before it counts as lost.
 */
export class Negotiator {
  private readonly wanted: Transport | 'auto';
  private readonly memory: TransportFacts;
  private readonly now: () => number;
  private current: Transport | undefined;
  private welcomedAt: number | undefined;
  private avoidsSockets: boolean;
  /** Sockets in a row that were never welcomed. */
  private unwelcomed = 0;
  private shortLives: number[] = [];
  private probeMs = PROBE_MS_MIN;

  /** `now` is a time in milliseconds that never runs backwards. */
  constructor(wanted: Transport | 'auto', memory: TransportFacts, now: () => number) {
    this.wanted = wanted;
    this.memory = memory;
    this.now = now;
    this.avoidsSockets = memory.knows('http');
  }

  /** The transport to open next. */
  choose(): Transport {
    return this.choice(this.wanted !== 'auto' ? this.wanted : this.avoidsSockets ? 'http' : 'websocket');
  }

  /** Requests, because the socket chosen last has just been refused, whether or not they will come first. */
  chooseHttp(): Transport {
    return this.choice('http');
  }

  /** The node has answered over the transport chosen last. */
  welcomed(): void {
    this.welcomedAt ??= this.now();
    if (this.current === 'http') {
      if (this.avoidsSockets) this.memory.learn('http');
      return;
    }
    this.unwelcomed = 0;
    this.memory.learn('websocket');
    this.memory.forget('http');
  }

  /** The transport chosen last is lost, whoever ended it. */
  lost(): void {
    const { current, welcomedAt } = this;
    this.current = undefined;
    if (current === 'http') {
      // If neither gets through, it is not a matter of the transport.
      if (welcomedAt === undefined) this.preferSockets();
    } else if (current === 'websocket') {
      if (welcomedAt === undefined) this.unwelcomedSocket();
      else this.endedSocket(this.now() - welcomedAt);
    }
  }

  /** When to look whether a WebSocket gets through by now; nothing if that is not the question. */
  nextProbeMs(): number | undefined {
    if (this.wanted !== 'auto' || this.current !== 'http') return undefined;
    const wait = this.probeMs;
    this.probeMs = Math.min(this.probeMs * 2, PROBE_MS_MAX);
    return wait;
  }

  /** A WebSocket got through. */
  preferSockets(): void {
    this.avoidsSockets = false;
    this.unwelcomed = 0;
    this.memory.forget('http');
  }

  private choice(transport: Transport): Transport {
    this.welcomedAt = undefined;
    this.current = transport;
    return transport;
  }

  private unwelcomedSocket(): void {
    this.unwelcomed++;
    // Where they used to work, it may be the server that is away for a moment.
    const patience = this.memory.knows('websocket') ? 2 : 1;
    if (this.unwelcomed >= patience) this.avoidsSockets = true;
  }

  private endedSocket(livedMs: number): void {
    if (livedMs >= SHORT_LIFE_MS) {
      this.shortLives = [];
      this.probeMs = PROBE_MS_MIN;
      return;
    }
    const now = this.now();
    this.shortLives = [...this.shortLives.filter((at) => now - at < SHORT_LIVES_SPAN_MS), now];
    if (this.shortLives.length < SHORT_LIVES_MAX) return;
    this.shortLives = [];
    this.avoidsSockets = true;
    // A socket that opens is not what is in doubt here.
    this.probeMs = Math.max(this.probeMs, SHORT_LIVES_SPAN_MS);
  }
}
