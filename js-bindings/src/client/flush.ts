import { ErrorCode, TopGunError } from '../errors.js';
import type { FlushLevel } from './client.js';

export interface FlushOptions {
  /** What the server must have promised; without it, this client's own store is meant. */
  readonly level?: FlushLevel;
  /** Milliseconds after which to give up. Default: never. */
  readonly timeoutMs?: number;
}

/** Where the local operations stand. */
export interface FlushSource {
  /** Sequence of the newest local operation, and how many are not acknowledged. */
  position(): { sequence: number; pending: number };
  /** True when everything written is in the store. */
  stored(): boolean;
}

interface Waiter {
  readonly level: number;
  sequence: number;
  resolve(): void;
  reject(error: TopGunError): void;
}

/** The calls of `flush` that are still waiting. Level 0 is the client's own store. */
export class FlushWaiters {
  private readonly source: FlushSource;
  private waiters: Waiter[] = [];
  private readonly ackedSequences: number[] = [];

  constructor(source: FlushSource) {
    this.source = source;
  }

  wait(level: number, timeoutMs: number | undefined): Promise<void> {
    const { sequence, pending } = this.source.position();
    // Nothing is under way, and nothing says that the server only promised less.
    if (level > 0 && pending === 0 && !this.ackedLess(level)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer =
        timeoutMs === undefined
          ? undefined
          : setTimeout(() => waiter.reject(new TopGunError(ErrorCode.TimedOut, 'flush')), timeoutMs);
      const end = (): void => {
        clearTimeout(timer);
        this.waiters = this.waiters.filter((other) => other !== waiter);
      };
      const waiter: Waiter = {
        level,
        sequence,
        resolve: () => {
          end();
          resolve();
        },
        reject: (error) => {
          end();
          reject(error);
        },
      };
      this.waiters.push(waiter);
      this.check();
    });
  }

  /** The server has everything up to `sequence` at `level`. */
  acked(level: number, sequence: number): void {
    // A higher level includes the lower ones.
    for (let lower = level; lower > 0; lower--) {
      this.ackedSequences[lower] = Math.max(this.ackedSequences[lower] ?? 0, sequence);
    }
    this.check();
  }

  /** True if the server acknowledged below `level` what it did not acknowledge at it. */
  private ackedLess(level: number): boolean {
    return (this.ackedSequences[1] ?? 0) > (this.ackedSequences[level] ?? 0);
  }

  /** Sequences have started anew: what is waited for has other numbers now. */
  restarted(): void {
    this.ackedSequences.length = 0;
    const { sequence } = this.source.position();
    for (const waiter of this.waiters) waiter.sequence = sequence;
    this.check();
  }

  check(): void {
    if (this.waiters.length === 0) return;
    const stored = this.source.stored();
    for (const waiter of [...this.waiters]) {
      const done =
        waiter.level === 0
          ? stored
          : (this.ackedSequences[waiter.level] ?? 0) >= waiter.sequence && waiter.sequence > 0;
      if (done) waiter.resolve();
    }
  }

  fail(error: TopGunError): void {
    for (const waiter of [...this.waiters]) waiter.reject(error);
  }
}
