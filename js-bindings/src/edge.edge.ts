import { EdgeReplica, type EdgeReplicaOptions } from './edge/replica.js';
import { loadStaticEngine } from './loader/static.js';
import module from './topgun.wasm?module';

export * from './edge/index.js';

/** A replica of chosen maps in this isolate; nothing happens before its first use. */
export function createEdgeReplica(options: EdgeReplicaOptions): EdgeReplica {
  return new EdgeReplica(options, () => loadStaticEngine('topgun', module));
}
