/** What every entry point for functions at the edge exports, whatever the platform. */
export { EdgeReplica, type EdgeReplicaOptions } from './replica.js';
export { syncRelay, type SyncRelayOptions } from './relay.js';
export {
  durableObjectStorage,
  kvStorage,
  r2Storage,
  type DurableObjectStorageLike,
  type EdgeStorage,
  type KvLike,
  type R2Like,
} from './storage.js';
export { type LwwMap, type WriteOptions } from '../client/lww-map.js';
export { type TokenSource } from '../client/options.js';
export { type OrMap } from '../client/or-map.js';
export { type PNCounter } from '../client/pn-counter.js';
export { ErrorCode, TopGunError } from '../errors.js';
