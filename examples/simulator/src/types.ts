// What the simulator says, as wasm/simulator/describe.hpp writes it. Times are virtual: `_us` or `_ms`
// since the start of the run.

export type ProfileName = 'lite' | 'standard' | 'full';

export interface Violation {
  readonly invariant: string;
  readonly detail: string;
  readonly at_ms: number;
}

/** What the promises are about: browsers, edge functions. */
export interface Client {
  readonly number: number;
  /** An edge function: it has no storage of its own. */
  readonly edge: boolean;
  readonly absent: boolean;
  /** Whether it is in the part of the world that heals in the second phase. */
  readonly core: boolean;
  readonly running: boolean;
  readonly asleep: boolean;
  readonly wants_online: boolean;
  readonly status: 'offline' | 'connecting' | 'online' | 'closed';
  /** Writes that no server has confirmed as durable. */
  readonly unacked: number;
  readonly unstored: number;
  readonly stored_bytes: number;
  readonly queued_bytes: number;
  readonly quota: boolean;
  /** How far its calendar is off. */
  readonly offset_ms: number;
  readonly cut_to_node: boolean;
  readonly cut_to_client: boolean;
  readonly reading_held: boolean;
  readonly entries: number;
  /** The first notes by key, as numbers to colour them by; 0 for none. */
  readonly cells: readonly number[];
  /** Whether it holds what the server holds. */
  readonly agrees: boolean;
}

export interface DiskFile {
  readonly path: string;
  readonly bytes: number;
  /** Sectors that a loss of power may take away. */
  readonly unsynced: number;
}

export interface ServerNode {
  readonly running: boolean;
  readonly paused: boolean;
  readonly log_failed: boolean;
  readonly shards: number;
  readonly connections: number;
  readonly starts: number;
  readonly disks_replaced: number;
  readonly offset_ms: number;
  readonly disk_full: boolean;
  readonly entries: number;
  readonly cells: readonly number[];
  readonly files: readonly DiskFile[];
}

/** A frame on its way; without messages while a connection opens or closes. */
export interface Flight {
  readonly client: number;
  readonly to_node: boolean;
  readonly sent: number;
  readonly arrives: number;
  readonly bytes: number;
  readonly messages: readonly string[];
}

export interface World {
  readonly now_us: number;
  readonly end_us: number;
  readonly healing_us: number;
  readonly over: boolean;
  readonly second_phase: boolean;
  readonly events: number;
  readonly checks: number;
  /** By invariant; those that were not looked at yet are missing. */
  readonly checks_by: Readonly<Record<string, number>>;
  readonly frames: number;
  readonly bytes: number;
  readonly trace: string;
  readonly violation: Violation | null;
  readonly node: ServerNode;
  readonly clients: readonly Client[];
  readonly in_flight: readonly Flight[];
  readonly struck: Readonly<Record<string, number>>;
}

/** A step of a scenario. `a` and `b` may need 64 bits. */
export interface Step {
  readonly id: string;
  readonly kind: string;
  readonly actor: number;
  readonly fault: boolean;
  readonly of_node: boolean;
  readonly a: string;
  readonly b: string;
}

export type Happening =
  | ({ readonly event: 'step' | 'step_end'; readonly t: number } & Step)
  | { readonly event: 'healing'; readonly t: number }
  | { readonly event: 'durable'; readonly t: number; readonly shard: number; readonly sequence: number }
  | {
      readonly event: 'frame';
      readonly t: number;
      readonly sent: number;
      readonly client: number;
      readonly to_node: boolean;
      readonly lost: boolean;
      readonly bytes: number;
      readonly messages: readonly string[];
    };

export interface Scenario {
  readonly seed: string;
  readonly shards: number;
  readonly clients: number;
  readonly edge_clients: number;
  readonly keys: number;
  readonly duration_ms: number;
  readonly absent: readonly number[];
  readonly rates: Readonly<Record<string, number>>;
  readonly steps: readonly (Step & { readonly at_ms: number })[];
  /** Its bytes in hexadecimal digits. */
  readonly scenario: string;
}

export interface Outcome {
  readonly seed: string;
  readonly trace: string;
  readonly events: number;
  readonly simulated_ms: number;
  readonly checks: number;
  readonly violation: Violation | null;
}

export interface Shrunk extends Violation {
  readonly runs: number;
  readonly operations: number;
  readonly clients: number;
  readonly families: number;
  readonly scenario: Scenario;
}

export interface Mutant {
  readonly number: number;
  readonly name: string;
  readonly text: string;
}

export interface Catalog {
  readonly mutants: readonly Mutant[];
  readonly faults: readonly string[];
  readonly marks: readonly { readonly name: string; readonly text: string }[];
}

/** The world at one instant, and what happened since it was last looked at. */
export interface View {
  readonly world: World;
  readonly happened: readonly Happening[];
  /** Interventions so far. */
  readonly deeds: number;
}

/** What a machine holds: key and value. */
export interface Contents {
  readonly notes: readonly (readonly [string, string])[];
  readonly tags: readonly (readonly [string, string])[];
  readonly hits: readonly (readonly [string, string])[];
}

/** Which run to open. */
export type Run =
  | { readonly kind: 'seed'; readonly seed: number; readonly profile: ProfileName; readonly mutant: number }
  /** Someone's scenario, as in a repro.json. */
  | { readonly kind: 'scenario'; readonly bytes: string; readonly mutant: number }
  /** A small world in which nothing happens by itself. */
  | { readonly kind: 'quiet'; readonly seed: number; readonly clients: number; readonly mutant: number };

/** Numbers of `StepKind` (core/sim/scenario.hpp) that hands can do. */
export const StepKind = {
  Set: 1,
  Remove: 3,
  CounterAdd: 6,
  Cut: 20,
  Partition: 22,
  Offline: 24,
  TabKill: 25,
  TabSleep: 26,
  Quota: 27,
  ClockStep: 31,
  NodeCrash: 40,
  NodePower: 41,
  NodePause: 42,
  NodeClockStep: 43,
  DiskFull: 44,
  DiskHang: 45,
} as const;

/** Numbers of `Deed::Kind` (wasm/simulator/session.hpp). */
export const DeedKind = { Do: 0, End: 1, FlipBit: 2 } as const;

export interface Deed {
  readonly kind: number;
  readonly step?: number;
  readonly actor?: number;
  readonly a?: number;
  readonly b?: number;
}
