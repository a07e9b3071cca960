import { EdgeQueryReplica } from './edge/query-replica.js';
import type { EdgeReplicaOptions } from './edge/replica.js';
import { loadStaticEngine } from './loader/static.js';
import module from './topgun-queries.wasm';

export * from './edge/index.js';
export { EdgeQueryReplica } from './edge/query-replica.js';
export * from './queries.js';

/** A replica of chosen maps that answers queries, in this isolate; nothing happens before its first use. */
export function createEdgeReplica(options: EdgeReplicaOptions): EdgeQueryReplica {
  return new EdgeQueryReplica(options, () => loadStaticEngine('topgun-queries', module));
}
