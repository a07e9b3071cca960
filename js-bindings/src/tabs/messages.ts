import type { EngineKind } from '../bindings/engine.js';
import type { Command, MapKind } from '../bindings/commands.js';
import type { TabNotice, TabSettings } from '../client/session.js';
import type { Transport } from '../transport/negotiator.js';
import type { Persistence } from '../storage/adapter.js';

/**
 * What tabs of one store say to each other (`docs/engine-protocol.md`, "Tabs"). Everybody hears
 * everything; a message that names a tab is for it or from it. Commands and events travel as the bytes
 * of the engine protocol. An epoch is the reign of one leader: messages of another one are ignored.
 */
export type TabMessage = FollowerMessage | LeaderMessage | ({ readonly type: 'settings' } & TabSettings);

/** A map that a follower wants, under the follower's own handle. */
export interface MapRequest {
  readonly handle: number;
  readonly kind: MapKind;
  readonly name: string;
}

interface FromTab {
  readonly epoch: number;
  readonly tab: string;
}

export type FollowerMessage =
  /** Who leads? */
  | { readonly type: 'hello' }
  /** A tab begins to follow, or follows a new leader. */
  | (FromTab & { readonly type: 'attach'; readonly maps: readonly MapRequest[] })
  | (FromTab & { readonly type: 'open'; readonly map: MapRequest })
  | (FromTab & { readonly type: 'close-map'; readonly handle: number })
  /** `Relay` commands back to back, with the follower's handles. */
  | (FromTab & { readonly type: 'commands'; readonly commands: Uint8Array })
  /** Answer when everything so far is safe at `level`; 0 is the store. */
  | (FromTab & { readonly type: 'flush'; readonly id: number; readonly level: number })
  /** A command about a query that the node answers: what stands behind its number. */
  | (FromTab & { readonly type: 'ask'; readonly code: Command; readonly number: number; readonly rest: Uint8Array })
  /** The tab has nothing left to say. */
  | (FromTab & { readonly type: 'bye' });

/** What `client` shows of the replica that several tabs share. */
export interface SharedState {
  readonly serverUrl: string | undefined;
  readonly replicaId: bigint;
  readonly engineKind: EngineKind | undefined;
  readonly persistence: Persistence;
  readonly status: number;
  readonly online: boolean;
  readonly transport: Transport | undefined;
  readonly pending: number;
}

export interface RootOf {
  readonly root: string;
  readonly count: number;
}

/** A whole map: events as the engine reports it. */
export interface MapSnapshot extends RootOf {
  /** The follower's handle. */
  readonly handle: number;
  /** The leader's handle, which later events carry. */
  readonly leaderHandle: number;
  readonly events: Uint8Array;
}

/** How one command ended, if there is more to say than that it was executed. */
export interface CommandResult {
  readonly number: number;
  /** 0 if it was executed. */
  readonly error: number;
  /** What the engine answered; absent if the command had been executed before. */
  readonly payload: Uint8Array | undefined;
}

/** The commands of a tab up to `number` were executed. */
export interface Executed {
  readonly tab: string;
  readonly number: number;
  readonly results: readonly CommandResult[];
}

interface FromLeader {
  readonly epoch: number;
}

export type LeaderMessage =
  /** Attach to me. */
  | (FromLeader & { readonly type: 'lead' })
  /** The answer to `attach`; commands up to `executed` are in what follows. */
  | (FromLeader & {
      readonly type: 'attached';
      readonly tab: string;
      readonly executed: number;
      readonly maps: readonly MapSnapshot[];
      readonly state: SharedState;
    })
  /** The answer to `open`; an error if the map cannot be had. */
  | (FromLeader & {
      readonly type: 'map';
      readonly tab: string;
      readonly handle: number;
      readonly snapshot: MapSnapshot | undefined;
    })
  /** What one batch of the engine did: all of it belongs together. */
  | (FromLeader & {
      readonly type: 'turn';
      readonly executed: Executed | undefined;
      readonly events: Uint8Array;
      readonly roots: readonly (RootOf & { readonly leaderHandle: number })[];
      readonly pending: number;
    })
  /** Commands of the tab up to `number` survive the leader. */
  | (FromLeader & { readonly type: 'stored'; readonly tab: string; readonly number: number })
  | (FromLeader & {
      readonly type: 'flushed';
      readonly tab: string;
      readonly id: number;
      readonly error: { readonly code: number; readonly detail: string } | undefined;
    })
  /** What came of a query: the event behind its number; an error if it could not even be asked. */
  | (FromLeader & {
      readonly type: 'asked';
      readonly tab: string;
      readonly number: number;
      readonly code: number;
      readonly payload: Uint8Array;
    })
  | (FromLeader & { readonly type: 'notice'; readonly notice: TabNotice });

/** `Omit` for each member of a union. */
export type DistributedOmit<Union, Keys extends string> = Union extends unknown ? Omit<Union, Keys> : never;
