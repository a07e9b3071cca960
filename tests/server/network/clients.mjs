// The main thread's side of ledger_worker.mjs.

import { Worker } from 'node:worker_threads';

/** Clients in a thread with one build of the core. `ask` resolves to the worker's answer. */
export class LedgerClients {
  #worker;
  #waiting = new Map();
  #ids = 0;

  constructor(core, seed, clients) {
    this.#worker = new Worker(new URL('ledger_worker.mjs', import.meta.url), {
      env: { ...process.env, TOPGUN_CORE: core },
      workerData: { seed, clients },
    });
    this.#worker.on('message', ({ id, answer, problem }) => {
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (problem === undefined) resolve(answer);
      else reject(new Error(problem));
    });
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(new Error('the worker has ended')));
  }

  ask(request, argument) {
    return new Promise((resolve, reject) => {
      const id = ++this.#ids;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, request, argument });
    });
  }

  terminate() {
    return this.#worker.terminate();
  }

  #fail(error) {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
