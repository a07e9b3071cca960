import { useCallback, useSyncExternalStore } from 'react';
import type { BaseClient, ClientEvents, ClientStatus } from '../client/client.js';
import type { TabRole } from '../client/session.js';
import type { Persistence } from '../storage/adapter.js';
import type { Transport } from '../transport/negotiator.js';
import { useClient } from './provider.js';

/** Where the client of the page stands. */
export interface Connection {
  readonly status: ClientStatus;
  /** True while the server answers. */
  readonly online: boolean;
  /** What the server has answered over last. */
  readonly transport: Transport | undefined;
  /** What the store promises. */
  readonly persistence: Persistence | undefined;
  /** Whether this tab holds the store and the connection, or follows the one that does. */
  readonly tabRole: TabRole | undefined;
}

const NOT_STARTED: Connection = {
  status: 'new',
  online: false,
  transport: undefined,
  persistence: undefined,
  tabRole: undefined,
};

const EVENTS = ['status', 'transport', 'persistence', 'tab-role'] as const;
const PENDING_EVENTS = ['stored', 'acked', 'rejected', 'status'] as const;

const connections = new WeakMap<BaseClient, Connection>();
const pending = new WeakMap<BaseClient, number>();

/** Where the client stands: its status, its transport, its store, its part among the tabs. */
export function useConnection(): Connection {
  const client = useClient();
  return useSyncExternalStore(
    useCallback((changed) => onEach(client, EVENTS, changed), [client]),
    () => connectionOf(client),
    () => NOT_STARTED,
  );
}

/** Writes that the server has not acknowledged yet, those of other tabs of this origin included. */
export function usePendingOps(): number {
  const client = useClient();
  return useSyncExternalStore(
    useCallback(
      (changed) => {
        // To count is to run what is written, which tells listeners: nothing to do while rendering.
        const count = (): void => {
          pending.set(client, client.pendingOps);
          changed();
        };
        count();
        return onEach(client, PENDING_EVENTS, count);
      },
      [client],
    ),
    () => pending.get(client) ?? 0,
    () => 0,
  );
}

function connectionOf(client: BaseClient): Connection {
  const { status, transport, tabRole } = client;
  const persistence = status === 'new' ? undefined : client.persistence;
  const known = connections.get(client);
  const same =
    known?.status === status &&
    known.transport === transport &&
    known.persistence === persistence &&
    known.tabRole === tabRole;
  if (same) return known;
  const now = { status, online: status === 'online', transport, persistence, tabRole };
  connections.set(client, now);
  return now;
}

/** Calls `changed` at every one of these events, until the function that it returns is called. */
function onEach(
  client: BaseClient,
  events: readonly (keyof ClientEvents)[],
  changed: () => void,
): () => void {
  const stops = events.map((event) => client.on(event, changed));
  return () => stops.forEach((stop) => stop());
}
