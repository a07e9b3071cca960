// Two Yjs documents with one Y.Map each, doing what `Operations` does.

import * as Y from 'yjs';
import { digestOf } from '../lib/measure.mjs';
import { divergedIndices, keyOf, textOf } from './records.mjs';

export class YjsOperations {
  fill(records) {
    this.records = records;
    this.author = new Y.Doc();
    this.write(this.author, 0, 0, 1);
    const state = Y.encodeStateAsUpdate(this.author);
    this.replicas = [new Y.Doc(), new Y.Doc()];
    for (const replica of this.replicas) Y.applyUpdate(replica, state);
  }

  write(doc, generation, first, step) {
    const map = doc.getMap('map');
    doc.transact(() => {
      for (let i = first; i < this.records; i += step) map.set(keyOf(i), textOf(generation, i));
    });
  }

  /** A third replica overwrites all records; what it sends is applied on the clock. */
  mergeUpdate(generation) {
    const before = Y.encodeStateVector(this.author);
    this.write(this.author, generation, 0, 1);
    const update = Y.encodeStateAsUpdate(this.author, before);
    const begin = performance.now();
    Y.applyUpdate(this.replicas[0], update);
    return { ms: performance.now() - begin, result: this.records };
  }

  diverge(generation, count) {
    for (const [index, replica] of this.replicas.entries()) {
      const map = replica.getMap('map');
      replica.transact(() => {
        for (const i of divergedIndices(this.records, count, index)) map.set(keyOf(i), textOf(generation, i));
      });
    }
  }

  /** Both state vectors cross, then both differences. */
  reconcile() {
    const [left, right] = this.replicas;
    const begin = performance.now();
    const leftVector = Y.encodeStateVector(left);
    const rightVector = Y.encodeStateVector(right);
    const toRight = Y.encodeStateAsUpdate(left, rightVector);
    const toLeft = Y.encodeStateAsUpdate(right, leftVector);
    Y.applyUpdate(right, toRight);
    Y.applyUpdate(left, toLeft);
    const ms = performance.now() - begin;
    return { ms, result: leftVector.length + rightVector.length + toRight.length + toLeft.length };
  }

  digest(replica) {
    return { ms: 0, result: digestOf(this.replicas[replica].getMap('map').entries()) };
  }
}
