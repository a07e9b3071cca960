import { EdgeReplica, type EdgeReplicaOptions } from './edge/replica.js';
import { loadNodeEngine } from './loader/node.js';

export * from './edge/index.js';

/** A replica of chosen maps in this instance; nothing happens before its first use. */
export function createEdgeReplica(options: EdgeReplicaOptions): EdgeReplica {
  return new EdgeReplica(options, () => loadNodeEngine('topgun', import.meta.url));
}
