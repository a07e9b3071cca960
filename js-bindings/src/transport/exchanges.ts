import type { ExchangeEvent } from '../bindings/events.js';
import type { probeSocket } from './probe.js';

/** One request that the engine wants to have answered. */
export type ExchangeRequest = Omit<ExchangeEvent, 'type'>;

/** How a waiting question is asked: answered by a stream, held back by the node, or asked again. */
export type HttpMode = 'stream' | 'long-poll' | 'poll';

/** What becomes of requests. Nothing follows for those that were cancelled. */
export interface ExchangeEvents {
  /** Whole messages of the answer; nothing in it: the answer is still on its way. */
  part(exchange: number, bytes: Uint8Array): void;
  /** The answer is complete. */
  done(exchange: number): void;
  /** A request found no answer; all others were called off with it. */
  failed(): void;
  /** Whoever answered asks to be left alone for this long. */
  pause(ms: number): void;
  /** Waiting questions are asked in another way from now on. */
  modeChanged(mode: HttpMode): void;
}

/** Carries requests to a node and answers back. Holds nothing that a retry needs, and is never open or shut. */
export interface ExchangeCarrier {
  /** How waiting questions are asked now. */
  readonly mode: HttpMode;
  exchange(request: ExchangeRequest): void;
  /** The answer is of no interest any more. */
  cancel(exchange: number): void;
  /** Ends answers that would go on for ever; what has come of them counts. */
  endStreams(): void;
  /** Calls everything off that is under way, and reports nothing of it. */
  close(): void;
}

/** How a carrier is set up. */
export interface CarrierOptions {
  /** Address of `/sync`. */
  readonly url: string;
  /** The token that goes with the next request; empty for none. */
  readonly token: () => string;
  /** The best mode that may be used. */
  readonly mode: HttpMode;
  /** What was found out about the way to this server. */
  readonly memory: TransportFacts;
}

/** Makes a carrier; there is nothing to open, since each request stands for itself. */
export type CarrierFactory = (options: CarrierOptions, events: ExchangeEvents) => ExchangeCarrier;

/** What is loaded where requests have to carry the conversation. */
export interface HttpTransport {
  readonly openHttp: CarrierFactory;
  readonly probeSocket: typeof probeSocket;
}

/** What may be known about the way to a server. */
export type TransportFact =
  /** A WebSocket was welcomed here. */
  | 'websocket'
  /** WebSockets do not get through, requests do. */
  | 'http'
  /** Streamed answers do not get through. */
  | 'no-stream'
  /** Answers that are held back do not get through. */
  | 'no-wait'
  /** Packed bodies are refused. */
  | 'no-gzip';

export interface TransportFacts {
  knows(fact: TransportFact): boolean;
  learn(fact: TransportFact): void;
  forget(fact: TransportFact): void;
}
