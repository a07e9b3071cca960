import { TransportKind, type Polling } from '../bindings/commands.js';
import type { ExchangeCarrier, ExchangeRequest, HttpMode, HttpTransport } from '../transport/exchanges.js';
import type { TransportMemory } from '../transport/memory.js';
import { Negotiator, type Transport } from '../transport/negotiator.js';
import type { Socket, SocketFactory } from '../transport/socket.js';
import type { HttpOptions } from './options.js';

/** A question that the node may hold back this long. Proxies give up on silence after 30 s and more. */
const WAIT_MS = 25_000;
const POLL_MS_MIN = 500;
const POLL_MS_MAX = 30_000;
/** A socket that has never got through here must open within this time. */
const OPEN_MS = 4_000;

/** What the link reports to the engine, and to whoever wants to know how it is connected. */
export interface TransportLinkEvents {
  opened(kind: TransportKind): void;
  frame(bytes: Uint8Array): void;
  part(exchange: number, bytes: Uint8Array): void;
  done(exchange: number): void;
  closed(): void;
  polling(polling: Polling): void;
  /** The node has answered over another transport than before. */
  transport(transport: Transport): void;
}

/** How the link reaches the server. */
export interface TransportLinkOptions {
  readonly socketUrl: string;
  readonly openSocket: SocketFactory;
  /** Nothing where requests are not to be had. */
  readonly http:
    | { readonly url: string; readonly load: () => Promise<HttpTransport>; readonly options: HttpOptions }
    | undefined;
  readonly wanted: Transport | 'auto';
  readonly memory: TransportMemory;
  readonly token: () => string;
}

/**
 * The engine's one transport, of whichever kind. The engine decides when to connect and when to give
 * up; the link decides by what, carries bytes, and keeps late events of an old transport from reaching
 * a new one. To change from one kind to the other is to lose the one and to connect by the other, so
 * that the engine's ways of not losing anything hold for it as well.
 */
export class TransportLink {
  /** What the node has answered over last. */
  transport: Transport | undefined;
  private readonly options: TransportLinkOptions;
  private readonly events: TransportLinkEvents;
  private readonly negotiator: Negotiator;
  private socket: Socket | undefined;
  private probe: HttpTransport['probeSocket'] | undefined;
  private endProbe: (() => void) | undefined;
  private carrier: ExchangeCarrier | undefined;
  /** What is being opened or open. */
  private current: Transport | undefined;
  /** Counts connections, so that events of earlier ones are known. */
  private generation = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private pausedUntil = 0;
  private isHidden = false;

  constructor(options: TransportLinkOptions, events: TransportLinkEvents) {
    this.options = options;
    this.events = events;
    const wanted = options.http === undefined ? 'websocket' : options.wanted;
    this.negotiator = new Negotiator(wanted, options.memory, () => performance.now());
  }

  connect(): void {
    this.disconnect();
    const wait = this.pausedUntil - performance.now();
    const open = (): void => this.open(this.negotiator.choose());
    if (wait > 0) this.timer = setTimeout(open, wait);
    else open();
  }

  send(frame: Uint8Array): void {
    this.socket?.send(frame);
  }

  exchange(request: ExchangeRequest): void {
    this.carrier?.exchange(request);
  }

  cancel(exchange: number): void {
    this.carrier?.cancel(exchange);
  }

  /** The node has answered. */
  welcomed(): void {
    const { current } = this;
    if (current === undefined) return;
    this.negotiator.welcomed();
    if (current === 'http') this.planProbe();
    if (current === this.transport) return;
    this.transport = current;
    this.events.transport(current);
  }

  /** Nobody looks at what we hold, so that nothing new is asked for; or somebody does again. */
  setHidden(hidden: boolean): void {
    const sleeps = hidden && this.options.http?.options.pollWhenHidden !== true;
    if (sleeps === this.isHidden) return;
    this.isHidden = sleeps;
    if (this.current !== 'http' || this.carrier === undefined) return;
    this.events.polling(this.polling(this.carrier.mode));
    if (sleeps) this.carrier.endStreams();
  }

  /** Closes without reporting it: whoever asks for it knows. */
  disconnect(): void {
    this.generation++;
    clearTimeout(this.timer);
    this.endProbe?.();
    this.endProbe = undefined;
    this.socket?.close();
    this.socket = undefined;
    this.carrier?.close();
    if (this.current !== undefined) this.negotiator.lost();
    this.current = undefined;
  }

  private open(transport: Transport): void {
    this.current = transport;
    if (transport === 'websocket') this.openSocket();
    else this.openHttp();
  }

  private openSocket(): void {
    const { memory, http, wanted } = this.options;
    const isCurrent = this.guard();
    const hasChoice = http !== undefined && wanted === 'auto';
    let isOpen = false;
    this.socket = this.options.openSocket(this.options.socketUrl, {
      opened: () => {
        if (!isCurrent()) return;
        isOpen = true;
        clearTimeout(this.timer);
        this.events.opened(TransportKind.Stream);
      },
      frame: (bytes) => {
        if (isCurrent()) this.events.frame(bytes);
      },
      closed: () => {
        if (!isCurrent()) return;
        if (hasChoice && !isOpen) this.openInstead();
        else this.lose();
      },
    });
    if (!hasChoice || memory.knows('websocket')) return;
    // Some proxies neither let an upgrade through nor say so.
    this.timer = setTimeout(() => this.openInstead(), OPEN_MS);
  }

  /** Requests may get through where a WebSocket was refused: the engine waits for either. */
  private openInstead(): void {
    this.disconnect();
    this.open(this.negotiator.chooseHttp());
  }

  private openHttp(): void {
    const isCurrent = this.guard();
    this.loadCarrier().then(
      (carrier) => {
        if (!isCurrent()) return;
        this.events.polling(this.polling(carrier.mode));
        this.events.opened(TransportKind.Exchanges);
      },
      () => {
        if (isCurrent()) this.lose();
      },
    );
  }

  private async loadCarrier(): Promise<ExchangeCarrier> {
    const { http, memory, token } = this.options;
    if (http === undefined) throw new Error('no requests here');
    const { openHttp, probeSocket } = await http.load();
    this.probe = probeSocket;
    const asked = http.options.mode ?? 'auto';
    const mode = asked === 'auto' ? 'stream' : asked;
    this.carrier ??= openHttp({ url: http.url, token, mode, memory }, {
      part: (exchange, bytes) => this.events.part(exchange, bytes),
      done: (exchange) => this.events.done(exchange),
      failed: () => this.lose(),
      pause: (ms) => {
        this.pausedUntil = performance.now() + ms;
      },
      modeChanged: (changed) => this.events.polling(this.polling(changed)),
    });
    return this.carrier;
  }

  private polling(mode: HttpMode): Polling {
    const { min = POLL_MS_MIN, max = POLL_MS_MAX } = this.options.http?.options.pollMs ?? {};
    if (this.isHidden) return { waitMs: 0, minMs: min, maxMs: 0 };
    return { waitMs: mode === 'poll' ? 0 : WAIT_MS, minMs: min, maxMs: max };
  }

  private lose(): void {
    this.disconnect();
    this.events.closed();
  }

  /** Looks later whether a socket lasts, beside the exchanges. If it does, the conversation moves. */
  private planProbe(): void {
    const { openSocket, socketUrl } = this.options;
    const wait = this.endProbe === undefined ? this.negotiator.nextProbeMs() : undefined;
    if (wait === undefined) return;
    const timer = setTimeout(() => {
      this.endProbe = this.probe?.(openSocket, socketUrl, (lasts) => {
        this.endProbe = undefined;
        if (!lasts) return this.planProbe();
        this.negotiator.preferSockets();
        this.lose();
      });
    }, wait);
    this.endProbe = () => clearTimeout(timer);
  }

  /** Tells later whether it is still about this connection. */
  private guard(): () => boolean {
    const { generation } = this;
    return () => generation === this.generation;
  }
}
