// Two Automerge documents with one map each, doing what `Operations` does.

import * as Automerge from '@automerge/automerge';
import { digestOf } from '../lib/measure.mjs';
import { divergedIndices, keyOf, textOf } from './records.mjs';

export class AutomergeOperations {
  fill(records) {
    this.records = records;
    const map = {};
    for (let i = 0; i < records; i++) map[keyOf(i)] = new Automerge.ImmutableString(textOf(0, i));
    const first = Automerge.from({ map });
    this.replicas = [first, Automerge.clone(first)];
  }

  diverge(generation, count) {
    this.replicas = this.replicas.map((replica, index) =>
      Automerge.change(replica, ({ map }) => {
        for (const i of divergedIndices(this.records, count, index)) {
          map[keyOf(i)] = new Automerge.ImmutableString(textOf(generation, i));
        }
      }),
    );
  }

  /** The sync protocol from the start, until neither side has more to say. */
  reconcile() {
    let [left, right] = this.replicas;
    const begin = performance.now();
    let leftState = Automerge.initSyncState();
    let rightState = Automerge.initSyncState();
    let bytes = 0;
    for (;;) {
      let toRight, toLeft;
      [leftState, toRight] = Automerge.generateSyncMessage(left, leftState);
      if (toRight) [right, rightState] = Automerge.receiveSyncMessage(right, rightState, toRight);
      [rightState, toLeft] = Automerge.generateSyncMessage(right, rightState);
      if (toLeft) [left, leftState] = Automerge.receiveSyncMessage(left, leftState, toLeft);
      bytes += (toRight?.length ?? 0) + (toLeft?.length ?? 0);
      if (!toRight && !toLeft) break;
    }
    this.replicas = [left, right];
    return { ms: performance.now() - begin, result: bytes };
  }

  digest(replica) {
    const entries = Object.entries(this.replicas[replica].map).map(([key, value]) => [key, value.toString()]);
    return { ms: 0, result: digestOf(entries) };
  }
}
