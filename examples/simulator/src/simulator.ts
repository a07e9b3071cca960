// A worker with a simulator, as the page sees it: requests are promises.

import type { AnswerMessage, RequestMessage, RequestName, Requests } from './requests.js';

declare const WORKER_FILE: string;

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
  readonly progress: (value: number) => void;
}

export class Simulator {
  private worker: Worker | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;

  /** Rejects if the run ends in an assertion, or if the worker is stopped meanwhile. */
  ask<Name extends RequestName>(
    name: Name,
    params: Requests[Name]['params'],
    progress: (value: number) => void = () => undefined,
  ): Promise<Requests[Name]['result']> {
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, progress });
      this.running().postMessage({ id, name, params } satisfies RequestMessage<Name>);
    });
  }

  /** Gives up what is under way. The next request starts a new worker. */
  stop(): void {
    this.worker?.terminate();
    this.worker = undefined;
    for (const { reject } of this.waiting.values()) reject(new Error('stopped'));
    this.waiting.clear();
  }

  private running(): Worker {
    if (this.worker) return this.worker;
    const worker = new Worker(WORKER_FILE, { type: 'module' });
    worker.addEventListener('message', ({ data }: MessageEvent<AnswerMessage>) => this.take(data));
    worker.addEventListener('error', (event) => this.fail(new Error(event.message || 'the simulator could not be loaded')));
    return (this.worker = worker);
  }

  private take(answer: AnswerMessage): void {
    const request = this.waiting.get(answer.id);
    if (!request) return;
    if ('progress' in answer) return request.progress(answer.progress);
    this.waiting.delete(answer.id);
    if ('error' in answer) request.reject(new Error(answer.error));
    else request.resolve(answer.result as never);
  }

  private fail(error: Error): void {
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}
