// The hooks in Chromium, with React 19 as applications bundle it: in development, in strict mode, on
// a client with the real core.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { TopGunClient } from 'topgun';
import { dehydrate, stringifyState } from 'topgun/react/server';

import { launchBrowser, openPage } from '../support/browser.mjs';
import { ServerProcess } from '../support/server.mjs';
import { servePage, serverComponents } from './react/site.mjs';

async function open(t, { serverUrl, started = true } = {}) {
  const page = await openPage(await launchBrowser(t), await servePage(t));
  await page.waitForFunction(() => globalThis.kit !== undefined);
  if (started) await page.evaluate((options) => kit.open(options), serverUrl ? { serverUrl } : {});
  return page;
}

const shown = (page) => page.evaluate(() => kit.shown());

/** Waits until the part of this name shows `text`. */
function shows(page, name, text) {
  return page.waitForFunction(([name, text]) => kit.shown()[name] === text, [name, text]);
}

/** What React and the page complained about. */
async function complaints(page) {
  return [...(await page.evaluate(() => kit.complaints)), ...page.failures];
}

test('react: every hook shows what changes, in strict mode, and React has nothing to complain about', async (t) => {
  const page = await open(t);
  await page.evaluate(() => {
    client.getMap('scores').set('ann', 1);
    kit.mount();
  });
  assert.deepEqual(await shown(page), {
    map: 'ann:1', entry: '1', bags: '', counter: '0', connection: 'offline leader ', pending: '1', rejected: 'nothing',
    found: 'ann (settled)', builder: 'ann (settled)', counted: '1',
  });
  await page.evaluate(() => {
    client.getMap('scores').set('bob', 2);
    client.getORMap('tags').add('a', 'x');
    client.getORMap('tags').add('a', 'y');
    client.getPNCounter('likes').addAndGet(5);
  });
  await shows(page, 'map', 'ann:1 bob:2');
  await shows(page, 'bags', 'x y');
  await shows(page, 'counter', '5');
  await shows(page, 'pending', '5');
  await shows(page, 'found', 'ann bob (settled)');
  await shows(page, 'counted', '2');
  assert.deepEqual(await complaints(page), []);
});

test('react: what is written between the first render and the subscription is not missed', async (t) => {
  const page = await open(t);
  const text = await page.evaluate(() => {
    const map = client.getMap('scores');
    const { subscribe } = map;
    map.subscribe = function later(...all) {
      map.set('ann', 7);
      return subscribe.apply(map, all);
    };
    kit.mount();
    return kit.shown();
  });
  assert.equal(text.map, 'ann:7');
  assert.equal(text.entry, '7');
});

test('react: a page that is unmounted leaves no listener behind, and strict mode adds none', async (t) => {
  const page = await open(t);
  const before = await page.evaluate(() => kit.listeners());
  const [mounted, after, again] = await page.evaluate(() => {
    const counts = [];
    for (let i = 0; i < 2; i++) {
      kit.mount();
      counts.push(kit.listeners());
      kit.unmount();
      counts.push(kit.listeners());
    }
    return [counts[0], counts[1], counts[2]];
  });
  // One each for map, entry, bags and counter; events: four of the connection, four that count, one
  // refusal; and the one by which the client itself knows what has agreed with the server.
  assert.equal(mounted, 13 + before);
  assert.equal(after, before);
  assert.equal(again, mounted);
});

test('react: a component renders when what it shows has changed, and not otherwise', async (t) => {
  const page = await open(t);
  const rendered = await page.evaluate(() => {
    client.getMap('scores').set('ann', 1);
    client.getORMap('tags').add('a', 'x');
    kit.mount();
    const { map, entry, bags } = { ...kit.renders };
    // Strict mode renders twice.
    kit.flushSync(() => client.getMap('scores').set('bob', 1));
    const since = { map: kit.renders.map - map, entry: kit.renders.entry - entry, bags: kit.renders.bags - bags };
    kit.flushSync(() => client.getMap('scores').set('ann', 2));
    return [since, kit.renders.entry - entry];
  });
  assert.deepEqual(rendered, [{ map: 2, entry: 0, bags: 0 }, 2]);
});

test('react: writes that are refused are undone and told', async (t) => {
  const page = await open(t);
  await page.evaluate(() => kit.mount());
  const key = await page.evaluate(() => {
    mutation.set('ann', 1);
    mutation.update('ann', (score) => score + 1);
    const key = mutation.add(9);
    mutation.remove(key);
    return [key, mutation.update('nobody', (score) => score), mutation.remove('nobody')];
  });
  assert.match(key[0], /^[0-9a-f]{32}$/);
  assert.deepEqual(key.slice(1), [false, false]);
  await shows(page, 'map', 'ann:2');

  const limited = await open(t, { started: false });
  await limited.evaluate(async () => {
    await kit.open({ outboxMax: 1 });
    kit.mount();
    mutation.set('ann', 1);
    await client.flush();
    mutation.set('bob', 2);
  });
  await limited.waitForFunction(() => kit.shown().rejected !== 'nothing');
  await shows(limited, 'map', 'ann:1');
  await limited.evaluate(() => mutation.dismiss());
  await shows(limited, 'rejected', 'nothing');
});

test('react: the connection and what is unsaved are shown as they change', async (t) => {
  const server = await ServerProcess.start();
  t.after(() => server.kill());
  const page = await open(t, { serverUrl: server.url });
  await page.evaluate(() => kit.mount());
  await shows(page, 'connection', 'online leader websocket');
  await page.evaluate(() => client.goOffline());
  await shows(page, 'connection', 'offline leader websocket');
  await page.evaluate(() => mutation.set('ann', 1));
  await shows(page, 'pending', '1');
  await page.evaluate(() => client.goOnline());
  await shows(page, 'pending', '0');
  assert.deepEqual(await complaints(page), []);
});

test('react: a page that a server rendered is taken over without a flicker', async (t) => {
  const client = new TopGunClient();
  await client.start();
  client.getMap('scores').set('ann', 3);
  const state = await dehydrate(client, { maps: ['scores'], queries: [client.query('scores')] });
  const { Everything } = await serverComponents();
  const html = renderToString(createElement(Everything, { client, state }));
  await client.close();
  assert.match(html, /ann:3/);

  const page = await open(t, { started: false });
  await page.evaluate(([html, text]) => kit.hydrate(html, text), [html, stringifyState(state)]);
  assert.equal((await shown(page)).map, 'ann:3');
  assert.equal((await shown(page)).found, 'ann (stale)');
  await page.evaluate(() => globalThis.client.start());
  // The store is empty, and no server has said that this is all.
  assert.deepEqual([(await shown(page)).map, (await shown(page)).entry], ['ann:3', '3']);
  await page.evaluate(() => mutation.set('bob', 4));
  await shows(page, 'map', 'bob:4');
  await shows(page, 'found', 'bob (settled)');
  await page.evaluate(() => mutation.remove('bob'));
  await shows(page, 'map', '');
  assert.deepEqual(await complaints(page), []);
});

test('react: parts of one page never show different states', async (t) => {
  const page = await open(t, { started: false });
  const control = await page.evaluate(() => kit.tornWithoutHook());
  assert.ok(control.torn > 0, `the control must tear: ${JSON.stringify(control)}`);
  const { torn, writes } = await page.evaluate(() => kit.tornWithHook());
  assert.ok(writes > 2, `${writes} writes while rendering`);
  assert.equal(torn, 0);
});

test('react: equal queries are one subscription, which ends with the last component', async (t) => {
  const page = await open(t);
  const counts = await page.evaluate(async () => {
    kit.mount();
    const mounted = kit.liveQueries();
    kit.unmount();
    await Promise.resolve();
    return [mounted, kit.liveQueries()];
  });
  // One for two components, and one that counts.
  assert.deepEqual(counts, [2, 0]);
});

test('react: rows in memory are on the page with its first picture', async (t) => {
  const page = await open(t);
  const found = await page.evaluate(() => {
    client.getMap('scores').set('ann', 1);
    // The layout is done, and nothing has been drawn yet.
    kit.show('Found', {});
    return kit.shown().found;
  });
  assert.equal(found, 'ann (settled)');
});

test('react: former rows stay until those of other options are there, unless nobody wants them', async (t) => {
  const page = await open(t);
  const texts = await page.evaluate(() => {
    for (const [name, score] of [['ann', 1], ['bob', 2], ['cleo', 3]]) client.getMap('scores').set(name, score);
    const seen = [];
    const look = (limit, use) => {
      kit.show('Found', { options: { limit }, use });
      seen.push(kit.shown().found);
    };
    look(1);
    look(2);
    // As while the engine is replaced: nobody answers.
    const { host } = client.queries.link;
    client.queries.link.host = undefined;
    look(3);
    look(3, { keepPrevious: false });
    kit.flushSync(() => client.queries.attach(host));
    look(3);
    return seen;
  });
  const [one, two, three] = ['ann (settled)', 'ann bob (settled)', 'ann bob cleo (settled)'];
  assert.deepEqual(texts, [one, two, 'ann bob (stale)', ' (loading)', three]);
});

test('react: views and joins are asked as maps are', async (t) => {
  const page = await open(t);
  const texts = await page.evaluate(async () => {
    const scores = client.getMap('scores');
    const teams = client.getMap('teams');
    teams.set('red', { name: 'Red' });
    scores.set('ann', { team: 'red', points: 3 });
    scores.set('bob', { team: 'none', points: 2 });
    const many = client.view('many', client.query(scores).where({ points: { $gt: 2 } }));
    const seen = [];
    const look = async (props) => {
      kit.show('Found', props);
      await new Promise((resolve) => setTimeout(resolve));
      seen.push(kit.shown().found);
    };
    await look({ source: many });
    kit.flushSync(() => scores.set('cleo', { team: 'red', points: 9 }));
    await look({ source: many, options: { orderBy: '-points' } });
    await look({ source: client.query(scores).join('of', teams, { on: { team: '$key' }, kind: 'semi' }) });
    return seen;
  });
  assert.deepEqual(texts, ['ann (settled)', 'cleo ann (settled)', 'ann cleo (settled)']);
});

test('react: changes that come too fast are rendered as often as asked for, the last one certainly', async (t) => {
  const page = await open(t);
  const [renders, found] = await page.evaluate(async () => {
    kit.show('Found', { options: { orderBy: 'n' }, use: { everyMs: 100 } });
    const before = kit.renders.found;
    for (let i = 0; i < 50; i++) {
      client.getMap('scores').set(`k${i % 5}`, { n: i });
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await new Promise((resolve) => setTimeout(resolve, 150));
    return [kit.renders.found - before, kit.shown().found];
  });
  // Strict mode renders twice.
  assert.ok(renders >= 4 && renders <= 2 * 8, `${renders} renders`);
  assert.equal(found, 'k0 k1 k2 k3 k4 (settled)');
});

test('react: a component that waits for rows has them when the client has, and its boundary gets what fails', async (t) => {
  const page = await open(t, { started: false });
  const awaited = () => page.evaluate(() => kit.shown().awaited);
  await page.evaluate(() => {
    const starting = kit.open();
    kit.show('Waiting', {});
    globalThis.starting = starting;
  });
  assert.equal(await awaited(), 'wait');
  await page.evaluate(async () => {
    await starting;
    client.getMap('scores').set('ann', 1);
  });
  await shows(page, 'awaited', 'ann');
  // Behind a cursor there is no live query.
  await page.evaluate(() => kit.show('Waiting', { options: { after: 'AAAA' } }));
  await page.waitForFunction(() => kit.shown().awaited.startsWith('failed'));
});

test('react: rows say when the server has agreed', async (t) => {
  const server = await ServerProcess.start();
  t.after(() => server.kill());
  const writer = new TopGunClient({ serverUrl: server.url });
  await writer.start();
  writer.getMap('scores').set('ann', 1);
  await writer.flush({ level: 'memory' });
  await writer.close();

  const page = await open(t, { started: false });
  await page.evaluate(async (serverUrl) => {
    await kit.open({ serverUrl });
    kit.show('Found', {});
  }, server.url);
  await shows(page, 'found', 'ann (settled)');
});
