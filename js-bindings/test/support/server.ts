import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { serverPath } from './cores.js';

/** A server of its own process, as users run it. */
export class TestServer {
  readonly port: number;
  private readonly process: ChildProcess;

  private constructor(process: ChildProcess, port: number) {
    this.process = process;
    this.port = port;
  }

  /** Starts a server and waits until it says that it is ready. */
  static async start(args: readonly string[], port = 0, shards = 1): Promise<TestServer> {
    const process = spawn(
      serverPath(),
      ['--no-auth', '--shards', String(shards), '--log-level', 'error', '--port', String(port), ...args],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    for await (const line of createInterface({ input: process.stdout! })) {
      const ready = /^PORT=(\d+)$/.exec(line);
      if (ready !== null) return new TestServer(process, Number(ready[1]));
    }
    throw new Error('the server ended before it was ready');
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    this.process.kill('SIGKILL');
    await once(this.process, 'exit');
  }
}
