import type { EngineEvent, RejectedEvent } from '../bindings/events.js';
import type { TopGunError } from '../errors.js';
import type { Persistence } from '../storage/adapter.js';
import type { Transport } from '../transport/negotiator.js';
import type { MirroredMap } from './collection.js';

/** What a replica tells the client that owns it. Called between batches, when mirrors are true. */
export interface ReplicaEvents {
  status(status: number): void;
  error(error: TopGunError): void;
  rejected(event: RejectedEvent): void;
  synced(map: MirroredMap): void;
  acked(level: number, sequence: number): void;
  restarted(cause: TopGunError): void;
  replaced(replica: bigint, former: bigint): void;
  persistence(level: Persistence, error: TopGunError | undefined): void;
  waiting(): void;
  /** Something that a flush may be waiting for has happened. */
  progress(): void;
  /** The node has answered over another transport than before. */
  transport(transport: Transport): void;
  /** An engine is about to take over: writes that it shall run first, encoded, oldest first. */
  inherit(): Uint8Array[];
}

/** Whoever passes on to other tabs what happens in this replica. */
export interface ReplicaTap {
  /** An event about a map or a query; `true` if it is not for ourselves. The bytes are borrowed. */
  takes(event: EngineEvent, events: Uint8Array, start: number, end: number): boolean;
  /** The events of a poll have been applied, and the effects run. */
  turnEnded(): void;
  /** Transactions up to this one are stored. */
  stored(transaction: number): void;
  /** The engine is lost, and with it what it knew of the tabs. */
  engineLost(): void;
  /** True if another tab has this map open. */
  uses(handle: number): boolean;
  /** Runs what reports a map to our own mirror, and to nobody else. */
  forOurselves(report: () => void): void;
}
