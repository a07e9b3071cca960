/** What every entry point exports, with queries or without, whatever the platform. */
export { type ClientEvents, type ClientStatus, type FlushLevel, type RejectedWrite } from './client/client.js';
export { type Change, type ChangeListener, type KeyListener } from './client/collection.js';
export { type FlushOptions } from './client/flush.js';
export { type LwwMap, type WriteOptions } from './client/lww-map.js';
export { type OrMap } from './client/or-map.js';
export { type HttpOptions, type TokenSource, type TopGunClientOptions } from './client/options.js';
export { type PNCounter } from './client/pn-counter.js';
export { type TabRole } from './client/session.js';
export { ErrorCode, TopGunError } from './errors.js';
export {
  type Persistence,
  type StorageAdapter,
  type StorageEvents,
  type StorageTransaction,
  type StoredRow,
} from './storage/adapter.js';
export { memoryStorage } from './storage/memory.js';
export { type Transport } from './transport/negotiator.js';
export { type WebSocketConstructor, type WebSocketLike } from './transport/websocket.js';
export { type Value } from './value/msgpack.js';
