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
  assert.equal(before, 0);
  // One each for map, entry, bags and counter; events: four of the connection, four that count, one refusal.
  assert.equal(mounted, 13);
  assert.equal(after, 0);
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
  const state = await dehydrate(client, { maps: ['scores'] });
  const { Everything } = await serverComponents();
  const html = renderToString(createElement(Everything, { client, state }));
  await client.close();
  assert.match(html, /ann:3/);

  const page = await open(t, { started: false });
  await page.evaluate(([html, text]) => kit.hydrate(html, text), [html, stringifyState(state)]);
  assert.equal((await shown(page)).map, 'ann:3');
  await page.evaluate(() => globalThis.client.start());
  // The store is empty, and no server has said that this is all.
  assert.deepEqual([(await shown(page)).map, (await shown(page)).entry], ['ann:3', '3']);
  await page.evaluate(() => mutation.set('bob', 4));
  await shows(page, 'map', 'bob:4');
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
