import type { PersistEvent, StoredRow } from '../bindings/events.js';
import { ErrorCode, asTopGunError, type TopGunError } from '../errors.js';
import type { StorageAdapter } from '../storage/adapter.js';

/**
 * Carries the engine's transactions to the store, in order and one at a time. What arrives while one
 * is under way is joined into the next, so that a slow store sees few large transactions. Rows that
 * could not be stored go with the next transaction: nothing is skipped, so that the store holds at all
 * times a state that the engine once was in. When to try again is the engine's decision.
 */
export class PersistenceQueue {
  private readonly storage: StorageAdapter;
  private readonly done: (transactions: number[], error: TopGunError | undefined) => void;
  private rows = new Map<string, StoredRow | undefined>();
  private transactions: number[] = [];
  private running = false;
  private attempting = false;
  private waiters: (() => void)[] = [];

  /** `done` is told the fate of transactions, once each. */
  constructor(
    storage: StorageAdapter,
    done: (transactions: number[], error: TopGunError | undefined) => void,
  ) {
    this.storage = storage;
    this.done = done;
  }

  /** True when everything handed in is stored. */
  get idle(): boolean {
    return !this.attempting && this.rows.size === 0 && this.transactions.length === 0;
  }

  /** The event's rows are borrowed. */
  add(event: PersistEvent): void {
    for (const { key, value } of event.puts) this.rows.set(key, { key, value: value.slice() });
    for (const key of event.deletes) this.rows.set(key, undefined);
    this.transactions.push(event.transaction);
    if (!this.running) void this.run();
  }

  /** Resolves when everything is stored, or when the store refuses it. */
  settled(): Promise<void> {
    if (!this.running) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  private async run(): Promise<void> {
    this.running = true;
    while (this.transactions.length > 0) {
      const { rows, transactions } = this;
      this.rows = new Map();
      this.transactions = [];
      const error = await this.attempt(rows);
      if (error !== undefined) {
        // Later writes of the same row win over the ones that failed.
        for (const [key, row] of this.rows) rows.set(key, row);
        this.rows = rows;
      }
      this.done(transactions, error);
    }
    this.running = false;
    for (const resolve of this.waiters.splice(0)) resolve();
  }

  private async attempt(
    rows: ReadonlyMap<string, StoredRow | undefined>,
  ): Promise<TopGunError | undefined> {
    const puts: StoredRow[] = [];
    const deletes: string[] = [];
    for (const [key, row] of rows) {
      if (row === undefined) deletes.push(key);
      else puts.push(row);
    }
    this.attempting = true;
    try {
      await this.storage.transact({ puts, deletes });
      return undefined;
    } catch (error) {
      return asTopGunError(error, ErrorCode.StorageIo);
    } finally {
      this.attempting = false;
    }
  }
}
