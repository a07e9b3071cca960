import { EdgeQueryReplica } from './edge/query-replica.js';
import type { EdgeReplicaOptions } from './edge/replica.js';
import { loadNodeEngine } from './loader/node.js';

export * from './edge/index.js';
export { EdgeQueryReplica } from './edge/query-replica.js';
export * from './queries.js';

/** A replica of chosen maps that answers queries, in this instance; nothing happens before its first use. */
export function createEdgeReplica(options: EdgeReplicaOptions): EdgeQueryReplica {
  return new EdgeQueryReplica(options, () => loadNodeEngine('topgun-queries', import.meta.url));
}
