import {
  CommandBuffer,
  readAnswers,
  splitRequest,
  writeTarget,
  type CommandAnswer,
  type Now,
  type WriteTarget,
} from '../bindings/commands.js';
import { ByteWriter } from '../bindings/byte-writer.js';
import { EngineTrapped, type Engine } from '../bindings/engine.js';
import { readEvents, type EngineEvent, type StoredRow } from '../bindings/events.js';
import { ByteReader } from '../bindings/reader.js';
import { callListener } from './emitter.js';

/** A batch leaves when it holds this many commands or bytes, or at the end of the turn. */
const BATCH_COMMANDS_MAX = 256;
const BATCH_BYTES_MAX = 64 * 1024;
/** Stored rows are handed over in requests of about this size. */
const LOAD_BYTES = 1 << 20;
/** Bytes of writes that are remembered until they are stored. */
const UNSTORED_BYTES_MAX = 64 << 20;
/** Memory for them that is kept when all is stored. */
const LOG_BYTES_KEPT = 1 << 20;
/** Cheaper than `queueMicrotask`, for which Node makes an object each time. */
const soon = Promise.resolve();

/** What the owner of an engine does with what comes out of it. */
export interface EngineHostDelegate {
  /**
   * Applies the event to mirrors and notes effects. No code of the application may run here. The
   * event's own bytes are those of `events` from `start` to `end`, borrowed.
   */
  applyEvent(event: EngineEvent, events: Uint8Array, start: number, end: number): void;
  /** Carries out the noted effects: sends, stores, timers. No code of the application either. */
  runEffects(): void;
  /** Tells the application. It may call back into the host. */
  notify(): void;
  /** A command was refused; `target` says where it wrote, if it was a write. */
  commandFailed(error: number, target: WriteTarget | undefined): void;
  /** The instance is lost; `takeUnstored` has the writes it may have lost with it. */
  engineLost(cause: EngineTrapped): void;
}

/** A request with writes, and the transaction that stores them once the engine has handed it out. */
interface UnstoredRequest {
  readonly bytes: number;
  transaction: number | undefined;
}

/**
 * Feeds one engine: gathers commands in a reusable buffer, runs them in batches, and hands out the
 * events in three steps (mirrors, effects, listeners), so that listeners see mirrors that are up to
 * date and may write, and no event is ever applied over a later local write.
 */
export class EngineHost {
  readonly buffer = new CommandBuffer();
  private readonly delegate: EngineHostDelegate;
  private engine: Engine | undefined;
  private readonly answers = new Map<number, (payload: ByteReader) => void>();
  private visitAnswer: ((answer: CommandAnswer) => void) | undefined;
  /** Requests with writes that the store may not hold yet: what a trap would lose. */
  private unstored: UnstoredRequest[] = [];
  /** Their bytes back to back, behind those of requests that are stored. */
  private readonly log = new ByteWriter();
  private logStart = 0;
  private kept: Uint8Array[] = [];
  private hasWrites = false;
  private turnScheduled = false;
  private applying = false;
  /** The engine has run since its events were taken. */
  private hasRun = false;

  constructor(delegate: EngineHostDelegate) {
    this.delegate = delegate;
  }

  /** False before `attach` and after the instance was lost; commands then gather in the buffer. */
  get attached(): boolean {
    return this.engine !== undefined;
  }

  attach(engine: Engine): void {
    this.engine = engine;
  }

  detach(): void {
    this.engine?.close();
    this.engine = undefined;
  }

  /** One write was appended to the buffer. */
  written(): void {
    this.hasWrites = true;
    if (this.buffer.count >= BATCH_COMMANDS_MAX || this.buffer.size >= BATCH_BYTES_MAX) {
      this.flush();
    } else if (!this.turnScheduled) {
      this.turnScheduled = true;
      void soon.then(this.endTurn);
    }
  }

  /** Wants the payload that answers the command appended last. */
  onAnswer(receive: (payload: ByteReader) => void): void {
    this.answers.set(this.buffer.count - 1, receive);
  }

  /** Appends a command, runs the batch, and returns what `read` makes of the command's answer. */
  ask<T>(append: (buffer: CommandBuffer) => void, read: (payload: ByteReader) => T): T | undefined {
    if (this.engine === undefined) return undefined;
    let answer: T | undefined;
    append(this.buffer);
    this.onAnswer((payload) => {
      answer = read(payload);
    });
    this.flush();
    return answer;
  }

  /** Appends a command and runs the batch. Without an engine there is nobody to tell. */
  tell(append: (buffer: CommandBuffer) => void): void {
    if (this.engine === undefined) return;
    append(this.buffer);
    this.flush();
  }

  /**
   * Runs commands apart from others; `visit` gets every answer that says something, and nobody else
   * hears of failures.
   */
  runAside(
    append: (buffer: CommandBuffer) => void,
    visit: (answer: CommandAnswer) => void,
    writes = true,
  ): void {
    if (this.engine === undefined) return;
    this.flush();
    append(this.buffer);
    this.hasWrites = writes;
    this.visitAnswer = visit;
    this.flush();
    this.visitAnswer = undefined;
  }

  /** Hands over stored rows, before `Start`. */
  loadRows(rows: readonly StoredRow[]): void {
    for (const { key, value } of rows) {
      this.buffer.loadRow(key, value);
      if (this.buffer.size >= LOAD_BYTES) this.flush();
    }
    this.flush();
  }

  /** Runs what is in the buffer now. */
  flush(): void {
    if (this.engine === undefined || this.buffer.empty) return;
    const request = this.buffer.request(readNow());
    if (this.hasWrites) this.keep(request);
    this.hasWrites = false;
    try {
      this.hasRun = true;
      const response = this.engine.exec(request);
      this.readResponse(request, response);
    } catch (error) {
      return this.lost(error);
    } finally {
      this.buffer.reset();
      this.answers.clear();
    }
    this.drain();
  }

  /** The engine has handed out a transaction, which holds everything that was run so far. */
  handedOut(transaction: number): void {
    for (const each of this.unstored) each.transaction ??= transaction;
  }

  /** The transactions up to this one are stored: what they hold must not be run again. */
  stored(transaction: number): void {
    let done = 0;
    while ((this.unstored[done]?.transaction ?? Infinity) <= transaction) done++;
    this.drop(done);
  }

  /** The writes that may not be stored, as they were encoded, oldest first; forgets them. */
  takeUnstored(): Uint8Array[] {
    const { bytes, size } = this.log.writer;
    const log = bytes.slice(this.logStart, size);
    let end = 0;
    const run = this.unstored.map((each) => log.subarray(end, (end += each.bytes)));
    const requests = [...run, this.buffer.request(readNow()).slice()];
    const writes = requests.flatMap(splitRequest).filter((write) => writeTarget(write) !== undefined);
    const all = [...this.kept, ...writes];
    this.kept = [];
    this.drop(this.unstored.length);
    this.hasWrites = false;
    this.buffer.reset();
    this.answers.clear();
    return all;
  }

  /** Puts writes back for the next `takeUnstored`. */
  keepUnstored(writes: readonly Uint8Array[]): void {
    this.kept = [...writes];
  }

  private readonly endTurn = (): void => {
    this.turnScheduled = false;
    callListener(() => this.flush());
  };

  private readResponse(request: Uint8Array, response: Uint8Array): void {
    const visit = this.visitAnswer;
    this.visitAnswer = undefined;
    if (visit !== undefined) return readAnswers(response, visit);
    const failed: CommandAnswer[] = [];
    readAnswers(response, (answer) => {
      if (answer.error !== 0) failed.push(answer);
      else this.answers.get(answer.index)?.(answer.payload);
    });
    if (failed.length === 0) return;
    const commands = splitRequest(request);
    for (const { index, error } of failed) {
      const command = commands[index];
      this.delegate.commandFailed(error, command && writeTarget(command));
    }
  }

  private drain(): void {
    while (!this.applying && this.hasRun && this.engine !== undefined) {
      // While events are applied the buffer is empty: nothing of the application runs, and the
      // commands that effects append are run by whoever appends them, later.
      this.applying = true;
      this.hasRun = false;
      try {
        // Borrowed from the engine, which nothing calls until the effects have run.
        const events = this.engine.poll();
        if (events.length === 0) break;
        readEvents(events, (event, start, end) =>
          this.delegate.applyEvent(event, events, start, end),
        );
        this.delegate.runEffects();
      } catch (error) {
        return this.lost(error);
      } finally {
        this.applying = false;
      }
      this.delegate.notify();
    }
  }

  private keep(request: Uint8Array): void {
    this.unstored.push({ bytes: request.length, transaction: undefined });
    this.log.raw(request);
    // Only a store that fails for long gets here; a trap on top of that may lose the oldest writes
    // that the server does not have either.
    while (this.log.writer.size - this.logStart > UNSTORED_BYTES_MAX) this.drop(1);
  }

  /** Forgets the oldest requests. */
  private drop(count: number): void {
    for (const { bytes } of this.unstored.splice(0, count)) this.logStart += bytes;
    const { writer } = this.log;
    if (this.logStart * 2 < writer.size) return;
    writer.bytes.copyWithin(0, this.logStart, writer.size);
    writer.size -= this.logStart;
    this.logStart = 0;
    if (writer.size === 0 && writer.bytes.length > LOG_BYTES_KEPT) writer.bytes = new Uint8Array();
  }

  private lost(error: unknown): void {
    if (!(error instanceof EngineTrapped)) throw error;
    this.detach();
    this.delegate.engineLost(error);
  }
}

/** The time as the core wants it: whole milliseconds. */
export function readNow(): Now {
  return { wallMs: Date.now(), monotonicMs: Math.floor(performance.now()) };
}
