import { EventReader, bytesFromBase64 } from './events.js';
import type {
  CarrierFactory,
  CarrierOptions,
  ExchangeCarrier,
  ExchangeEvents,
  ExchangeRequest,
  HttpMode,
} from './exchanges.js';
import { FRAME_TYPE, PACKED_BYTES_MIN, frameHeaders, isTooLarge, pack, readAnswer, typeOf } from './post.js';

const STREAM_TYPE = 'text/event-stream';
/** A stream says something at once, unless something on the way gathers it. */
const FIRST_EVENT_MS = 8_000;
/** A stream that lived this long has done its service, however it ended. */
const LONG_STREAM_MS = 30_000;
/** This many failures in a row, and the next simpler way is taken. */
const PATIENCE = 2;
/** Nobody is asked to stay away for longer than this. */
const PAUSE_MS_MAX = 5 * 60_000;

export { probeSocket } from './probe.js';

/** Carries exchanges as `POST /sync`, and those that wait as a stream of events if it gets through. */
export const openHttp: CarrierFactory = (options, events) => new HttpCarrier(options, events);

/** One request on its way. */
class Call {
  readonly abort = new AbortController();
  readonly startedMs = performance.now();
  isOver = false;
  /** The node said something over a stream. */
  wasHeard = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly request: ExchangeRequest) {
    this.heard();
  }

  /** It may take as long as the engine says, counted from the last sign of life. */
  heard(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.abort.abort(), this.request.timeoutMs);
  }

  end(): void {
    this.isOver = true;
    clearTimeout(this.timer);
    this.abort.abort();
  }
}

class HttpCarrier implements ExchangeCarrier {
  private readonly options: CarrierOptions;
  private readonly events: ExchangeEvents;
  private readonly calls = new Map<number, Call>();
  private cutStreams = 0;
  private failedWaits = 0;

  constructor(options: CarrierOptions, events: ExchangeEvents) {
    this.options = options;
    this.events = events;
  }

  /** The best that is wanted and not known to fail. */
  get mode(): HttpMode {
    const { mode, memory } = this.options;
    if (mode === 'poll' || memory.knows('no-wait')) return 'poll';
    return mode === 'stream' && !memory.knows('no-stream') ? 'stream' : 'long-poll';
  }

  exchange(request: ExchangeRequest): void {
    const call = new Call(request);
    this.calls.set(request.exchange, call);
    this.run(call).then(
      () => this.finish(call),
      () => this.fail(call),
    );
  }

  cancel(exchange: number): void {
    const call = this.calls.get(exchange);
    if (call !== undefined) this.end(call);
  }

  endStreams(): void {
    for (const call of [...this.calls.values()]) if (call.wasHeard) this.finish(call);
  }

  close(): void {
    for (const call of [...this.calls.values()]) this.end(call);
  }

  private async run(call: Call): Promise<void> {
    if (!call.request.waits) return this.post(call);
    const isStreamed = this.mode === 'stream';
    if (isStreamed && (await this.stream(call))) return;
    try {
      await this.post(call);
    } catch (error) {
      if (!call.isOver && ++this.failedWaits >= PATIENCE) this.degrade('no-wait');
      throw error;
    }
    this.failedWaits = 0;
    // Only now it is sure that it was the stream, and not the network.
    if (isStreamed) this.degrade('no-stream');
  }

  /** Asks once. Throws if what comes back is not from a node. */
  private async post(call: Call): Promise<void> {
    const response = await this.send('', FRAME_TYPE, call);
    await this.takeAnswer(response, call);
  }

  private async takeAnswer(response: Response, call: Call): Promise<void> {
    const retry = response.headers.get('retry-after');
    if (retry !== null && !call.isOver) this.events.pause(pauseMs(retry));
    this.part(call, await readAnswer(response));
  }

  /** Resolves to whether the request was answered; otherwise it is to be asked in another way. */
  private async stream(call: Call): Promise<boolean> {
    const tooLate = setTimeout(() => call.wasHeard || first.abort(), FIRST_EVENT_MS);
    const first = new AbortController();
    call.abort.signal.addEventListener('abort', () => first.abort());
    try {
      const response = await this.send('/events', STREAM_TYPE, call, first.signal);
      if (typeOf(response) === FRAME_TYPE || isTooLarge(response)) {
        await this.takeAnswer(response, call);
        return true;
      }
      if (typeOf(response) !== STREAM_TYPE || response.body === null) {
        throw new Error(`answered ${response.status}`);
      }
      await this.readStream(response.body, call);
    } catch (error) {
      if (call.isOver || call.abort.signal.aborted) throw error;
    } finally {
      clearTimeout(tooLate);
    }
    if (call.isOver) return true;
    if (!call.wasHeard) return false;
    // Cut off between two events: what came is true, and the rest is asked for again.
    this.judgeStream(call);
    return true;
  }

  private async readStream(body: ReadableStream<Uint8Array>, call: Call): Promise<void> {
    const events = new EventReader();
    const reader = body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || call.isOver) return;
      for (const { name, data } of events.take(value)) {
        call.wasHeard = true;
        call.heard();
        if (data !== '' || name === 'message') this.part(call, bytesFromBase64(data));
        if (call.isOver) return;
        if (name === 'end') {
          this.cutStreams = 0;
          return this.finish(call);
        }
      }
    }
  }

  private judgeStream(call: Call): void {
    const isLong = performance.now() - call.startedMs >= LONG_STREAM_MS;
    this.cutStreams = isLong ? 0 : this.cutStreams + 1;
    if (this.cutStreams >= PATIENCE) this.degrade('no-stream');
  }

  private async send(
    path: string,
    accept: string,
    call: Call,
    signal = call.abort.signal,
  ): Promise<Response> {
    const { request } = call.request;
    const isPacked = request.length >= PACKED_BYTES_MIN && this.mayPack();
    const body = isPacked ? await pack(request) : request;
    const response = await fetch(this.options.url + path, {
      method: 'POST',
      headers: frameHeaders(accept, this.options.token(), isPacked),
      body,
      signal,
    });
    if (response.status !== 415 || !isPacked) return response;
    this.options.memory.learn('no-gzip');
    return this.send(path, accept, call, signal);
  }

  private mayPack(): boolean {
    return typeof CompressionStream === 'function' && !this.options.memory.knows('no-gzip');
  }

  private degrade(fact: 'no-stream' | 'no-wait'): void {
    const before = this.mode;
    this.options.memory.learn(fact);
    if (this.mode !== before) this.events.modeChanged(this.mode);
  }

  // What the engine hears may make it cancel or close, so nothing follows without a look.

  private part(call: Call, bytes: Uint8Array): void {
    if (!call.isOver) this.events.part(call.request.exchange, bytes);
  }

  private finish(call: Call): void {
    if (call.isOver) return;
    this.end(call);
    this.events.done(call.request.exchange);
  }

  private fail(call: Call): void {
    if (call.isOver) return;
    this.close();
    this.events.failed();
  }

  private end(call: Call): void {
    call.end();
    this.calls.delete(call.request.exchange);
  }
}

/** Milliseconds that `Retry-After` asks for: seconds, or a date. */
function pauseMs(header: string): number {
  const seconds = Number(header);
  const ms = Number.isNaN(seconds) ? Date.parse(header) - Date.now() : seconds * 1000;
  return Math.min(Math.max(0, ms || 0), PAUSE_MS_MAX);
}
