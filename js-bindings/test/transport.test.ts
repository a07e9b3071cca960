import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { EventReader, bytesFromBase64, type StreamEvent } from '../src/transport/events.js';
import type { ExchangeCarrier, ExchangeRequest, HttpMode } from '../src/transport/exchanges.js';
import { openHttp } from '../src/transport/http.js';
import { TransportMemory, type TextStore } from '../src/transport/memory.js';
import { Negotiator } from '../src/transport/negotiator.js';
import { syncUrl, webSocketUrl } from '../src/transport/websocket.js';

const FRAME = { 'content-type': 'application/x-topgun' };
const STREAM = { 'content-type': 'text/event-stream' };
/** A message of kind 8 with eight bytes. */
const MESSAGE = Uint8Array.of(9, 8, 1, 2, 3, 4, 5, 6, 7, 8);

/** Lets everything run that waits for nothing outside. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

class Store implements TextStore {
  readonly items = new Map<string, string>();
  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.items.set(key, value);
  }
}

/** A carrier over a `fetch` of the test's, and all that it reported. */
class Carried {
  readonly heard: string[] = [];
  private readonly waiters: { event: string; resolve: () => void }[] = [];
  readonly asked: { url: string; init: RequestInit }[] = [];
  readonly memory = new TransportMemory('test');
  readonly carrier: ExchangeCarrier;
  token = '';

  constructor(t: TestContext, mode: HttpMode, answers: ((init: RequestInit) => Response | Promise<Response>)[]) {
    t.mock.method(globalThis, 'fetch', async (url: string, init: RequestInit) => {
      this.asked.push({ url, init });
      const answer = answers[Math.min(this.asked.length, answers.length) - 1]!;
      const aborted = new Promise<never>((_, reject) => {
        init.signal!.addEventListener('abort', () => reject(new Error('aborted')));
      });
      return Promise.race([answer(init), aborted]);
    });
    const options = { url: 'http://node/sync', token: () => this.token, mode, memory: this.memory };
    this.carrier = openHttp(options, {
      part: (id, bytes) => this.hear(`part ${id} ${bytes.length}`),
      done: (id) => this.hear(`done ${id}`),
      failed: () => this.hear('failed'),
      pause: (ms) => this.hear(`pause ${ms}`),
      modeChanged: (changed) => this.hear(`mode ${changed}`),
    });
    t.after(() => this.carrier.close());
  }

  private hear(event: string): void {
    this.heard.push(event);
    for (const waiter of this.waiters) if (waiter.event === event) waiter.resolve();
  }

  /** Resolves at the next event of this text. */
  next(event: string): Promise<void> {
    return new Promise((resolve) => this.waiters.push({ event, resolve }));
  }

  ask(exchange: number, more: Partial<ExchangeRequest> = {}): void {
    const request = Uint8Array.of(1, 2, 3);
    this.carrier.exchange({ exchange, waits: false, timeoutMs: 5_000, request, ...more });
  }
}

const answer = (body: BodyInit, headers: Record<string, string> = FRAME, status = 200) => (): Response =>
  new Response(body, { status, headers });
const never = (): Promise<Response> => new Promise(() => undefined);

/** An answer whose pieces the test hands out. */
function streamed(): { respond: () => Response; push: (text: string) => void; end: () => void; cut: () => void } {
  let controller: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({ start: (own) => void (controller = own) });
  return {
    respond: () => new Response(body, { headers: STREAM }),
    push: (text) => controller.enqueue(new TextEncoder().encode(text)),
    end: () => controller.close(),
    cut: () => controller.error(new Error('cut')),
  };
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

test('http: a request is posted with its token, and the answer reported', async (t) => {
  const carried = new Carried(t, 'poll', [answer(MESSAGE)]);
  carried.token = 'secret';
  carried.ask(7);
  await settled();
  assert.deepEqual(carried.heard, ['part 7 10', 'done 7']);
  const { url, init } = carried.asked[0]!;
  assert.equal(url, 'http://node/sync');
  assert.equal(init.method, 'POST');
  assert.deepEqual(init.headers, {
    'content-type': 'application/x-topgun',
    accept: 'application/x-topgun',
    authorization: 'Bearer secret',
  });
});

test('http: an answer of a node counts, whatever its status', async (t) => {
  const carried = new Carried(t, 'poll', [answer(MESSAGE, { ...FRAME, 'retry-after': '3' }, 503)]);
  carried.ask(1);
  await settled();
  assert.deepEqual(carried.heard, ['pause 3000', 'part 1 10', 'done 1']);
});

for (const [name, respond] of [
  ['a page of a proxy', answer('<html>', { 'content-type': 'text/html' }, 502)],
  ['a page in place of an answer', answer('<html>', { 'content-type': 'text/html' })],
  ['no content type', () => new Response(MESSAGE)],
  ['an empty answer', answer('')],
  ['an answer that is cut off', answer(MESSAGE.subarray(0, 5))],
  ['a size that is cut off', answer(Uint8Array.of(...MESSAGE, 128))],
  ['no connection', () => Promise.reject(new TypeError('fetch failed'))],
] as const) {
  test(`http: ${name} is no answer`, async (t) => {
    const carried = new Carried(t, 'poll', [respond]);
    carried.ask(1);
    await settled();
    assert.deepEqual(carried.heard, ['failed']);
  });
}

test('http: a proxy that says when to come again is listened to', async (t) => {
  const carried = new Carried(t, 'poll', [answer('', { 'retry-after': '2' }, 429)]);
  carried.ask(1);
  await settled();
  assert.deepEqual(carried.heard, ['pause 2000', 'failed']);
});

test('http: one request without an answer takes the others with it, and only once', async (t) => {
  const carried = new Carried(t, 'poll', [never, answer('', {}, 500), answer(MESSAGE)]);
  carried.ask(1);
  carried.ask(2);
  await settled();
  assert.deepEqual(carried.heard, ['failed']);
  carried.ask(3);
  await settled();
  assert.deepEqual(carried.heard, ['failed', 'part 3 10', 'done 3']);
});

test('http: nothing is heard of a request that was cancelled, or that takes too long', async (t) => {
  const carried = new Carried(t, 'poll', [never]);
  carried.ask(1);
  carried.carrier.cancel(1);
  await settled();
  assert.equal(carried.asked[0]!.init.signal!.aborted, true);
  assert.deepEqual(carried.heard, []);
  carried.ask(2, { timeoutMs: 1 });
  await carried.next('failed');
  assert.deepEqual(carried.heard, ['failed']);
});

test('http: what is too large for something on the way is refused as by a node', async (t) => {
  const page = answer('<h1>Request Entity Too Large</h1>', { 'content-type': 'text/html' }, 413);
  for (const waits of [false, true]) {
    const carried = new Carried(t, 'stream', [page]);
    carried.ask(1, { waits });
    await carried.next('done 1');
    // Size, kind, and of the Error code, fatal, no time to wait, no detail.
    assert.deepEqual(carried.heard, ['part 1 7', 'done 1']);
    assert.equal(carried.asked.length, 1);
    t.mock.restoreAll();
  }
});

test('http: large bodies are packed, until a server refuses that', async (t) => {
  const request = new Uint8Array(10_000);
  const carried = new Carried(t, 'poll', [answer(MESSAGE), answer('', {}, 415), answer(MESSAGE)]);
  carried.ask(1, { request });
  await carried.next('done 1');
  const packed = carried.asked[0]!.init;
  assert.equal((packed.headers as Record<string, string>)['content-encoding'], 'gzip');
  assert.ok((packed.body as ArrayBuffer).byteLength < 200);
  carried.ask(2, { request });
  await carried.next('done 2');
  assert.equal(carried.asked[2]!.init.body, request);
  carried.ask(3, { request });
  await carried.next('done 3');
  assert.equal(carried.asked[3]!.init.body, request);
  assert.equal(carried.heard.filter((each) => each.startsWith('done')).length, 3);
});

test('events: a waiting request is answered by a stream, part by part', async (t) => {
  const { respond, push } = streamed();
  const carried = new Carried(t, 'stream', [respond]);
  carried.ask(4, { waits: true });
  await settled();
  assert.equal(carried.asked[0]!.url, 'http://node/sync/events');
  push(`data: ${base64(MESSAGE)}\n\n: alive\n\n`);
  await settled();
  assert.deepEqual(carried.heard, ['part 4 10', 'part 4 0']);
  push(`event: end\ndata: ${base64(MESSAGE)}\n\n`);
  await settled();
  assert.deepEqual(carried.heard.slice(2), ['part 4 10', 'done 4']);
});

test('events: a node that refuses a stream is heard', async (t) => {
  const carried = new Carried(t, 'stream', [answer(MESSAGE, FRAME, 401)]);
  carried.ask(1, { waits: true });
  await settled();
  assert.deepEqual(carried.heard, ['part 1 10', 'done 1']);
  assert.equal(carried.carrier.mode, 'stream');
});

test('events: where streams do not get through, the same request is posted, and so are the next', async (t) => {
  const carried = new Carried(t, 'stream', [answer('', {}, 404), answer(MESSAGE)]);
  carried.ask(1, { waits: true });
  await settled();
  assert.deepEqual(carried.heard, ['part 1 10', 'mode long-poll', 'done 1']);
  carried.ask(2, { waits: true });
  await settled();
  assert.deepEqual(carried.asked.map(({ url }) => url.slice(11)), ['/sync/events', '/sync', '/sync']);
  assert.equal(carried.memory.knows('no-stream'), true);
});

test('events: a network that is down says nothing about streams', async (t) => {
  const carried = new Carried(t, 'stream', [() => Promise.reject(new TypeError('fetch failed'))]);
  carried.ask(1, { waits: true });
  await settled();
  assert.deepEqual(carried.heard, ['failed']);
  assert.equal(carried.carrier.mode, 'stream');
});

test('events: what came before a stream was cut counts; streams that keep being cut are given up', async (t) => {
  const streams = [streamed(), streamed()];
  const carried = new Carried(t, 'stream', streams.map(({ respond }) => respond));
  for (const [index, { push, cut }] of streams.entries()) {
    carried.ask(index, { waits: true });
    await settled();
    push(`data: ${base64(MESSAGE)}\n\ndata: AAA`);
    await settled();
    cut();
    await settled();
  }
  assert.deepEqual(carried.heard, ['part 0 10', 'done 0', 'part 1 10', 'mode long-poll', 'done 1']);
});

test('events: a stream is ended when nobody looks, and what came counts', async (t) => {
  const { respond, push } = streamed();
  const carried = new Carried(t, 'stream', [respond]);
  carried.ask(1, { waits: true });
  await settled();
  carried.carrier.endStreams();
  assert.deepEqual(carried.heard, []);
  push(`data: ${base64(MESSAGE)}\n\n`);
  await settled();
  carried.carrier.endStreams();
  await settled();
  assert.deepEqual(carried.heard, ['part 1 10', 'done 1']);
});

test('http: where answers must not wait, they are polled for', async (t) => {
  const carried = new Carried(t, 'long-poll', [answer('', {}, 504)]);
  for (const exchange of [1, 2]) {
    carried.ask(exchange, { waits: true });
    await settled();
  }
  assert.deepEqual(carried.heard, ['failed', 'mode poll', 'failed']);
});

test('events: the bytes may be cut anywhere', () => {
  const text = ': hi\r\n\r\nevent: end\ndata: YQ==\ndata:Yg==\n\nid: 1\ndata: ü\r\rdata: cut off\n';
  const bytes = new TextEncoder().encode(text);
  const expected: StreamEvent[] = [
    { name: 'message', data: '' },
    { name: 'end', data: 'YQ==\nYg==' },
    { name: 'message', data: 'ü' },
  ];
  for (let at = 0; at <= bytes.length; at++) {
    const reader = new EventReader();
    const events = [...reader.take(bytes.subarray(0, at)), ...reader.take(bytes.subarray(at))];
    assert.deepEqual(events, expected, `cut at ${at}`);
  }
  const single = new EventReader();
  assert.deepEqual([...bytes].flatMap((byte) => single.take(Uint8Array.of(byte))), expected);
});

test('events: base64 of a frame', () => {
  assert.deepEqual(bytesFromBase64(base64(MESSAGE)), MESSAGE);
  assert.throws(() => bytesFromBase64('?'));
});

/** What a negotiator decides while the test plays the network. */
class Played {
  now = 0;
  readonly memory = new TransportMemory('played', undefined, () => this.now);
  readonly negotiator = new Negotiator('auto', this.memory, () => this.now);

  /** One connection: chosen, welcomed if `livesMs` is given, and lost. */
  live(livesMs?: number): string {
    const chosen = this.negotiator.choose();
    if (livesMs !== undefined) this.negotiator.welcomed();
    this.now += livesMs ?? 100;
    this.negotiator.lost();
    return chosen;
  }
}

test('negotiator: a WebSocket that cannot be opened gives way to requests at once', () => {
  const played = new Played();
  assert.deepEqual([played.live(), played.live(1000), played.live(1000)], ['websocket', 'http', 'http']);
  assert.equal(played.memory.knows('http'), true);
});

test('negotiator: where WebSockets used to work, one more try is made', () => {
  const played = new Played();
  assert.equal(played.live(60_000), 'websocket');
  assert.deepEqual([played.live(), played.live(), played.live(1000)], ['websocket', 'websocket', 'http']);
});

test('negotiator: if neither gets through, sockets come first again', () => {
  const played = new Played();
  assert.deepEqual([played.live(), played.live(), played.live(1000)], ['websocket', 'http', 'websocket']);
});

test('negotiator: sockets that keep dying give way, those that die now and then do not', () => {
  const played = new Played();
  assert.deepEqual([1, 2, 3].map(() => played.live(5_000)), ['websocket', 'websocket', 'websocket']);
  assert.equal(played.live(1000), 'http');
  const patient = new Played();
  for (let life = 0; life < 20; life++) assert.equal(patient.live(25_000), 'websocket');
});

test('negotiator: probes grow rare, and a socket that gets through is taken', () => {
  const played = new Played();
  played.live();
  assert.equal(played.negotiator.choose(), 'http');
  played.negotiator.welcomed();
  const waits = Array.from({ length: 8 }, () => played.negotiator.nextProbeMs());
  assert.deepEqual(waits, [5, 10, 20, 40, 80, 160, 300, 300].map((seconds) => seconds * 1000));
  played.negotiator.preferSockets();
  played.negotiator.lost();
  assert.equal(played.live(1000), 'websocket');
  assert.equal(played.memory.knows('http'), false);
});

test('negotiator: what is asked for is done, and needs no probe', () => {
  for (const wanted of ['websocket', 'http'] as const) {
    const negotiator = new Negotiator(wanted, new TransportMemory('fixed'), () => 0);
    for (let life = 0; life < 5; life++) {
      assert.equal(negotiator.choose(), wanted);
      assert.equal(negotiator.nextProbeMs(), undefined);
      negotiator.lost();
    }
  }
});

test('memory: a fact outlives the process, and is forgotten in time', () => {
  const store = new Store();
  let now = 1_000_000;
  new TransportMemory('a', store, () => now).learn('http');
  assert.equal(new TransportMemory('a', store, () => now).knows('http'), true);
  assert.equal(new TransportMemory('b', store, () => now).knows('http'), false);
  now += 3_600_001;
  assert.equal(new TransportMemory('a', store, () => now).knows('http'), false);
  now = 0;
  assert.equal(new TransportMemory('a', store, () => now).knows('http'), false);
});

test('memory: a store that fails or holds nonsense is as good as none', () => {
  const broken: TextStore = {
    getItem: () => 'no JSON',
    setItem: () => {
      throw new Error('full');
    },
  };
  const memory = new TransportMemory('a', broken);
  memory.learn('http');
  assert.equal(memory.knows('http'), true);
});

test('addresses: where the socket is, and where the requests go', () => {
  for (const [serverUrl, socket, sync] of [
    ['https://example.org', 'wss://example.org/ws', 'https://example.org/sync'],
    ['ws://localhost:8080/ws', 'ws://localhost:8080/ws', 'http://localhost:8080/sync'],
    ['https://example.org/data/ws', 'wss://example.org/data/ws', 'https://example.org/data/sync'],
    ['https://example.org/data', 'wss://example.org/data', 'https://example.org/data/sync'],
    ['https://example.org/sync', 'wss://example.org/sync', 'https://example.org/sync'],
  ] as const) {
    assert.deepEqual([webSocketUrl(serverUrl), syncUrl(serverUrl)], [socket, sync]);
  }
});
