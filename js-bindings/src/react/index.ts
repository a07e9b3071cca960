'use client';

/** Hooks for React 18.2 and later. */
export type { HydrationState } from './hydration.js';
export type { MapView, ORMapView } from './map-view.js';
export { TopGunProvider, useClient, type TopGunProviderProps } from './provider.js';
export { parseState } from './state-text.js';
export type { QueryState } from './query-result.js';
export { useConnection, usePendingOps, type Connection } from './use-connection.js';
export { useCounter, useEntry, useMap, useORMap } from './use-map.js';
export { useMutation, type Mutation } from './use-mutation.js';
export { useQuery, useSuspenseQuery, type SuspenseQueryState, type UseQueryOptions } from './use-query.js';
