import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Command, CommandBuffer, MapKind, TransportKind, readAnswers, splitRequest } from '../src/bindings/commands.js';
import type { Engine } from '../src/bindings/engine.js';
import { readEvents, type StoredRow } from '../src/bindings/events.js';
import { onTab, relay as relayCommand, watch } from '../src/bindings/tab-commands.js';
import { testOnCores } from './support/cores.js';

// Goal: every build of the core answers the same requests with the same bytes. Method: the files of
// tests/vectors/engine hold requests with fixed times and seeds, and the answers and events that
// belong to them; each build replays them. `TOPGUN_WRITE_VECTORS=1` writes the answers anew, which is
// a change of the protocol or of what is stored, and to be reviewed as such.

const directory = join('..', 'tests', 'vectors', 'engine');
const names = readdirSync(directory).filter((name) => name.endsWith('.txt'));

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The lines of a vector file: `request`, `answer` and `events` in turn, and `restart`. */
function readVector(name: string): { kind: string; bytes: string }[] {
  return readFileSync(join(directory, name), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [kind = '', bytes = ''] = line.split(' ');
      return { kind, bytes };
    });
}

for (const name of names) {
  testOnCores(`engine vectors: ${name}`, async (factory) => {
    let engine = await factory.create();
    let answer = '';
    for (const [index, { kind, bytes }] of readVector(name).entries()) {
      if (kind === 'restart') {
        engine.close();
        engine = await factory.create();
      } else if (kind === 'request') {
        answer = hex(engine.exec(Buffer.from(bytes, 'hex')));
      } else {
        assert.equal(kind === 'answer' ? answer : hex(engine.poll()), bytes, `${kind}, entry ${index}`);
      }
    }
    engine.close();
  });
}

test('engine vectors: there is a file for every scenario', () => {
  assert.deepEqual(names.sort(), Object.keys(scenarios).map((name) => `${name}.txt`).sort());
});

/** A message as a node sends it (docs/protocol.md). */
function message(kind: number, payload: readonly number[]): Uint8Array {
  return Uint8Array.of(payload.length + 1, kind, ...payload);
}

function u64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}

function welcome(): Uint8Array {
  const [node, incarnation, nodeMs, horizonMs] = [7n, 9n, 1_700_000_000_000n, 1n].map(u64);
  const limits = [128, 128, 64, 128, 32]; // Frames of 1 MiB, 4096 operations in flight.
  return message(65, [1, ...node!, ...incarnation!, ...nodeMs!, ...horizonMs!, ...limits, 2]);
}

function ack(sequence: number): Uint8Array {
  const varint: number[] = [];
  for (; sequence >= 128; sequence = Math.floor(sequence / 128)) varint.push((sequence % 128) | 128);
  return message(66, [2, ...varint, sequence]);
}

/** Runs a scenario on an engine and writes down what passes. */
class Recorder {
  readonly lines: string[] = [];
  readonly rows = new Map<string, Uint8Array>();
  private readonly buffer = new CommandBuffer();
  private wallMs = 1_700_000_000_000;
  private monotonicMs = 1_000;

  constructor(
    private engine: Engine,
    private readonly create: () => Promise<Engine>,
  ) {}

  note(text: string): void {
    this.lines.push('', `# ${text}`);
  }

  run(append: (buffer: CommandBuffer) => void): void {
    append(this.buffer);
    this.wallMs += 10;
    this.monotonicMs += 10;
    const request = this.buffer.request({ wallMs: this.wallMs, monotonicMs: this.monotonicMs });
    this.lines.push(`request ${hex(request)}`);
    this.lines.push(`answer ${hex(this.engine.exec(request))}`);
    this.buffer.reset();
    const events = this.engine.poll().slice();
    this.lines.push(`events ${hex(events)}`);
    readEvents(events, (event) => {
      if (event.type !== 'persist') return;
      for (const row of event.puts) this.rows.set(row.key, row.value);
      for (const key of event.deletes) this.rows.delete(key);
    });
  }

  /** Of the newest local operation. */
  lastSequence(): number {
    let sequence = 0;
    this.buffer.plain(Command.LastSequence);
    const request = this.buffer.request({ wallMs: this.wallMs, monotonicMs: this.monotonicMs });
    const answer = this.engine.exec(request);
    this.lines.push(`request ${hex(request)}`, `answer ${hex(answer)}`);
    readAnswers(answer, ({ payload }) => (sequence = payload.varint()));
    this.lines.push(`events ${hex(this.engine.poll())}`);
    this.buffer.reset();
    return sequence;
  }

  /** A new engine, which gets the rows that the one before it stored. */
  async restart(): Promise<void> {
    this.engine.close();
    this.engine = await this.create();
    this.lines.push('', 'restart');
    this.start([...this.rows].map(([key, value]) => ({ key, value })));
  }

  start(rows: readonly StoredRow[] = []): void {
    this.run((buffer) => {
      buffer.open(new Uint8Array(16).map((_, index) => index), 0n, 0);
      for (const { key, value } of rows) buffer.loadRow(key, value);
      buffer.plain(Command.Start);
    });
  }
}

const scenarios: Record<string, (recorder: Recorder) => void | Promise<void>> = {
  async writes(recorder) {
    recorder.note('a new replica: open, start, one map of each kind');
    recorder.start();
    recorder.run((buffer) => {
      buffer.openMap(1, MapKind.Lww, 'todos');
      buffer.openMap(2, MapKind.Or, 'tags');
      buffer.openMap(3, MapKind.Counter, 'likes');
    });
    recorder.note('writes of every kind in one turn');
    recorder.run((buffer) => {
      buffer.set(1, 'a', 0, { title: 'Milk', done: false });
      buffer.set(1, 'b', 60_000, [1, -2, 2.5, null, 'ä', 2 ** 40]);
      buffer.remove(1, 'a');
      buffer.orAdd(2, 'a', 0, 'x');
      buffer.orAdd(2, 'a', 0, 'y');
      buffer.orRemove(2, 'a', 'x');
      buffer.counterAdd(3, 'a', 5);
      buffer.counterAdd(3, 'a', -7);
    });
    recorder.note('where the operations stand, and the roots');
    recorder.run((buffer) => {
      buffer.plain(Command.LastSequence);
      buffer.onMap(Command.Root, 1);
      buffer.onMap(Command.Root, 2);
      buffer.onMap(Command.Root, 3);
    });
    await recorder.restart();
    recorder.note('everything is reported again');
    recorder.run((buffer) => {
      buffer.openMap(1, MapKind.Lww, 'todos');
      buffer.openMap(2, MapKind.Or, 'tags');
      buffer.openMap(3, MapKind.Counter, 'likes');
      buffer.plain(Command.LastSequence);
    });
  },
  refusals(recorder) {
    recorder.note('before start');
    recorder.run((buffer) => buffer.set(1, 'a', 0, 1));
    recorder.start();
    recorder.note('an unknown map, a wrong kind, a handle in use, an unknown command');
    recorder.run((buffer) => {
      buffer.openMap(1, MapKind.Lww, 'm');
      buffer.set(9, 'a', 0, 1);
      buffer.orAdd(1, 'a', 0, 1);
      buffer.openMap(1, MapKind.Lww, 'other');
      buffer.openMap(2, MapKind.Or, 'm');
      buffer.appendEncoded(Uint8Array.of(1, 0, 0, 0, 99));
      buffer.set(1, 'a', 0, 'the commands after a refused one still run');
    });
    recorder.note('a value that is no MessagePack; framing that breaks off');
    recorder.run((buffer) => buffer.appendEncoded(Uint8Array.of(6, 0, 0, 0, 11, 1, 1, 97, 0, 0xc1)));
    recorder.run((buffer) => buffer.appendEncoded(Uint8Array.of(200, 0, 0, 0, 11, 1)));
  },
  async relay(recorder) {
    const tab = new Uint8Array(16).fill(7);
    const relay = (buffer: CommandBuffer, number: number, write: (inner: CommandBuffer) => void): void => {
      const inner = new CommandBuffer();
      write(inner);
      const [encoded] = splitRequest(inner.request({ wallMs: 0, monotonicMs: 0 }));
      relayCommand(buffer, tab, number, encoded!);
    };
    const open = (buffer: CommandBuffer): void => {
      buffer.openMap(1, MapKind.Lww, 'todos');
      buffer.openMap(2, MapKind.Or, 'tags');
      buffer.openMap(3, MapKind.Counter, 'likes');
    };
    recorder.start();
    recorder.run(open);
    recorder.note('commands of a tab: executed, refused, repeated');
    recorder.run((buffer) => {
      relay(buffer, 1, (inner) => inner.set(1, 'a', 0, 'from a tab'));
      relay(buffer, 2, (inner) => inner.orAdd(2, 'a', 0, 'x'));
      relay(buffer, 3, (inner) => inner.counterAdd(3, 'a', 5));
      relay(buffer, 4, (inner) => inner.counterAdd(1, 'a', 5));
      relay(buffer, 3, (inner) => inner.counterAdd(3, 'a', 5));
      onTab(buffer, Command.TabCursor, tab);
    });
    recorder.note('local writes of watched maps are reported');
    recorder.run((buffer) => {
      for (const map of [1, 2, 3]) watch(buffer, map, true);
      buffer.set(1, 'b', 0, 1);
      buffer.orRemove(2, 'a', 'x');
      buffer.counterAdd(3, 'a', -1);
    });
    await recorder.restart();
    recorder.note('the cursor was stored; goodbye');
    recorder.run((buffer) => {
      open(buffer);
      onTab(buffer, Command.TabCursor, tab);
      onTab(buffer, Command.ForgetTab, tab);
      onTab(buffer, Command.TabCursor, tab);
    });
  },
  exchanges(recorder) {
    recorder.start();
    recorder.run((buffer) => {
      buffer.openMap(1, MapKind.Lww, 'm');
      buffer.setPolling({ waitMs: 0, minMs: 500, maxMs: 30_000 });
    });
    recorder.note('the first request: who we are and what we follow; an answer that says nothing more');
    recorder.run((buffer) => buffer.setOnline(true));
    recorder.run((buffer) => buffer.transportOpened(TransportKind.Exchanges));
    recorder.run((buffer) => buffer.exchangePart(1, welcome()));
    recorder.run((buffer) => buffer.exchangeDone(1));
    recorder.note('a write leaves in a request once it is stored, and is acknowledged by the answer');
    recorder.run((buffer) => buffer.set(1, 'a', 0, 'by request'));
    const sequence = recorder.lastSequence();
    recorder.run((buffer) => {
      for (const transaction of [1, 2, 3]) buffer.persisted(transaction, 0);
    });
    recorder.run((buffer) => buffer.exchangePart(2, Uint8Array.of(...welcome(), ...ack(sequence))));
    recorder.run((buffer) => buffer.exchangeDone(2));
    recorder.note('answers may be held back now; what is asked for meanwhile calls the question off');
    recorder.run((buffer) => {
      buffer.setPolling({ waitMs: 25_000, minMs: 500, maxMs: 30_000 });
      buffer.plain(Command.Refresh);
    });
    recorder.run((buffer) => buffer.exchangePart(3, new Uint8Array()));
    recorder.run((buffer) => buffer.plain(Command.Refresh));
    recorder.note('parts of an answer that was called off, a broken answer, silence');
    recorder.run((buffer) => buffer.exchangePart(3, welcome()));
    recorder.run((buffer) => buffer.exchangePart(4, Uint8Array.of(9, 65, 1)));
    recorder.run((buffer) => buffer.plain(Command.Tick));
    recorder.run((buffer) => buffer.plain(Command.TransportClosed));
  },
  connection(recorder) {
    recorder.start();
    recorder.run((buffer) => buffer.openMap(1, MapKind.Lww, 'm'));
    recorder.note('connect, hello, a write while greeting, loss, waiting');
    recorder.run((buffer) => buffer.setToken('token'));
    recorder.run((buffer) => buffer.setOnline(true));
    recorder.run((buffer) => buffer.plain(Command.TransportOpened)); // Without a kind: a stream.
    recorder.run((buffer) => buffer.set(1, 'a', 0, 1));
    recorder.run((buffer) => buffer.persisted(1, 0));
    recorder.run((buffer) => buffer.transportFrame(Uint8Array.of(1, 2, 3)));
    recorder.run((buffer) => buffer.plain(Command.TransportClosed));
    recorder.run((buffer) => buffer.plain(Command.Tick));
    recorder.run((buffer) => buffer.setOnline(false));
  },
};

if (process.env['TOPGUN_WRITE_VECTORS'] !== undefined) {
  testOnCores('engine vectors: written anew', async (factory) => {
    if (factory.kind !== 'native') return;
    const create = (): Promise<Engine> => factory.create();
    for (const [name, scenario] of Object.entries(scenarios)) {
      const recorder = new Recorder(await create(), create);
      await scenario(recorder);
      writeFileSync(join(directory, `${name}.txt`), recorder.lines.join('\n').trimStart() + '\n');
    }
  });
}
