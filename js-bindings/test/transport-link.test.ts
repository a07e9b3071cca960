import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { TransportLink, type TransportLinkOptions } from '../src/client/transport-link.js';
import type { ExchangeEvents, HttpMode } from '../src/transport/exchanges.js';
import { TransportMemory } from '../src/transport/memory.js';
import { probeSocket } from '../src/transport/probe.js';
import { FakeNetwork } from './support/clients.js';

/** A link whose sockets and requests are played by the test, under a clock of the test's. */
class PlayedLink {
  readonly network = new FakeNetwork();
  readonly heard: string[] = [];
  readonly link: TransportLink;
  carrier: ExchangeEvents | undefined;
  mode: HttpMode = 'stream';

  constructor(t: TestContext, more: Partial<TransportLinkOptions> = {}, pollWhenHidden = false) {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const self = this;
    const options: TransportLinkOptions = {
      socketUrl: 'ws://node/ws',
      openSocket: this.network.connect,
      http: {
        url: 'http://node/sync',
        options: { pollWhenHidden },
        load: async () => ({
          probeSocket,
          openHttp: (_, events) => {
            this.carrier = events;
            return {
              get mode() {
                return self.mode;
              },
              exchange: ({ exchange }) => this.heard.push(`asked ${exchange}`),
              cancel: () => undefined,
              endStreams: () => this.heard.push('streams ended'),
              close: () => undefined,
            };
          },
        }),
      },
      wanted: 'auto',
      memory: new TransportMemory('played'),
      token: () => '',
      ...more,
    };
    this.link = new TransportLink(options, {
      opened: (kind) => this.heard.push(`opened ${kind}`),
      frame: () => this.heard.push('frame'),
      part: (exchange) => this.heard.push(`part ${exchange}`),
      done: (exchange) => this.heard.push(`done ${exchange}`),
      closed: () => this.heard.push('closed'),
      polling: ({ waitMs, maxMs }) => this.heard.push(`polling ${waitMs} ${maxMs}`),
      transport: (transport) => this.heard.push(transport),
    });
  }

  get sockets(): FakeNetwork['opened'] {
    return this.network.opened;
  }

  /** Connects, lets what needs no time happen, and returns what was heard since the last time. */
  async connect(): Promise<string[]> {
    this.link.connect();
    return this.turn();
  }

  async turn(): Promise<string[]> {
    for (let step = 0; step < 10; step++) await Promise.resolve();
    return this.heard.splice(0);
  }
}

/** One whose WebSocket was refused, so that it goes on with requests. */
async function overRequests(t: TestContext, pollWhenHidden = false): Promise<PlayedLink> {
  const played = new PlayedLink(t, {}, pollWhenHidden);
  await played.connect();
  played.sockets[0]!.events.closed();
  assert.deepEqual(await played.turn(), ['polling 25000 30000', 'opened 1']);
  played.link.welcomed();
  assert.deepEqual(await played.turn(), ['http']);
  return played;
}

test('link: a WebSocket that is refused gives way to requests, and a probe brings it back', async (t) => {
  const played = await overRequests(t);
  t.mock.timers.tick(4_999);
  assert.equal(played.sockets.length, 1);
  t.mock.timers.tick(1);
  const probe = played.sockets[1]!;
  probe.events.opened();
  t.mock.timers.tick(999);
  assert.deepEqual(await played.turn(), []);
  t.mock.timers.tick(1);
  assert.deepEqual(await played.turn(), ['closed']);
  assert.equal(probe.closed, true);
  await played.connect();
  played.sockets[2]!.events.opened();
  played.link.welcomed();
  assert.deepEqual(await played.turn(), ['opened 0', 'websocket']);
});

test('link: where neither gets through, the connection counts as lost once, and sockets come first again', async (t) => {
  const memory = new TransportMemory('known');
  memory.learn('websocket');
  const played = new PlayedLink(t, { memory });
  await played.connect();
  played.sockets[0]!.events.closed();
  assert.deepEqual(await played.turn(), ['polling 25000 30000', 'opened 1']);
  played.carrier!.failed();
  assert.deepEqual(await played.turn(), ['closed']);
  assert.deepEqual(await played.connect(), []);
  assert.equal(played.sockets.length, 2);
});

test('link: a WebSocket that opened and ended says nothing against WebSockets', async (t) => {
  const played = new PlayedLink(t);
  await played.connect();
  played.sockets[0]!.events.opened();
  played.sockets[0]!.events.closed();
  assert.deepEqual(await played.turn(), ['opened 0', 'closed']);
});

test('link: a probe that fails disturbs nothing, and the next one comes later', async (t) => {
  const played = await overRequests(t);
  t.mock.timers.tick(5_000);
  played.sockets[1]!.events.closed();
  t.mock.timers.tick(9_999);
  assert.equal(played.sockets.length, 2);
  t.mock.timers.tick(1);
  assert.equal(played.sockets.length, 3);
  // This one opens and dies, as behind a proxy that cuts what it does not know.
  played.sockets[2]!.events.opened();
  t.mock.timers.tick(500);
  played.sockets[2]!.events.closed();
  t.mock.timers.tick(2_000);
  assert.deepEqual(await played.turn(), []);
});

test('link: an upgrade that nobody answers is given up, unless WebSockets are known to work', async (t) => {
  const played = new PlayedLink(t);
  await played.connect();
  t.mock.timers.tick(4_000);
  assert.deepEqual(await played.turn(), ['polling 25000 30000', 'opened 1']);
  assert.equal(played.sockets[0]!.closed, true);
  t.mock.timers.reset();
  const memory = new TransportMemory('known');
  memory.learn('websocket');
  const patient = new PlayedLink(t, { memory });
  await patient.connect();
  t.mock.timers.tick(60_000);
  assert.deepEqual(await patient.turn(), []);
});

test('link: nothing is asked while nobody looks, and at once when somebody does', async (t) => {
  const played = await overRequests(t);
  played.link.setHidden(true);
  assert.deepEqual(await played.turn(), ['polling 0 0', 'streams ended']);
  played.link.setHidden(true);
  assert.deepEqual(await played.turn(), []);
  played.link.setHidden(false);
  assert.deepEqual(await played.turn(), ['polling 25000 30000']);
});

test('link: it goes on asking while hidden if it was told to', async (t) => {
  const played = await overRequests(t, true);
  played.link.setHidden(true);
  assert.deepEqual(await played.turn(), []);
});

test('link: a page that was hidden when it connected asks for nothing', async (t) => {
  const played = new PlayedLink(t, { wanted: 'http' });
  played.link.setHidden(true);
  assert.deepEqual(await played.connect(), ['polling 0 0', 'opened 1']);
});

test('link: where answers must not wait, they are polled for', async (t) => {
  const played = await overRequests(t);
  played.mode = 'poll';
  played.carrier!.modeChanged('poll');
  assert.deepEqual(await played.turn(), ['polling 0 30000']);
});

test('link: a pause that was asked for is kept', async (t) => {
  const played = await overRequests(t);
  played.carrier!.pause(30_000);
  played.carrier!.failed();
  assert.deepEqual(await played.turn(), ['closed']);
  assert.deepEqual(await played.connect(), []);
  t.mock.timers.tick(30_000);
  assert.deepEqual(await played.turn(), ['polling 25000 30000', 'opened 1']);
});

test('link: nothing is heard of a transport that was given up', async (t) => {
  const played = new PlayedLink(t);
  await played.connect();
  const { events } = played.sockets[0]!;
  events.opened();
  assert.deepEqual(await played.turn(), ['opened 0']);
  played.link.disconnect();
  events.frame(Uint8Array.of(1));
  events.closed();
  assert.deepEqual(await played.turn(), []);
});
