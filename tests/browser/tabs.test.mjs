// Goal: the tabs of one profile are one replica. Whichever of them holds the store is closed or
// crashes in the middle of writes, the others go on: no write of a living tab is lost, doubled or
// taken back, offline and online, and the server ends with the same roots.
// Method: tabs write as fast as they can, each to its own entries and to shared ones, and check their
// own after every write. Leaders are ended between writes, in every way a page can end.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { TopGunClient, memoryStorage } from 'topgun';

import { launchBrowser, openTab } from '../support/browser.mjs';
import { ServerProcess } from '../support/server.mjs';
import { serveProofPage } from './proof/site.mjs';
import { TabWriter } from './proof/tabs.mjs';

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The tabs of one profile. */
class Tabs {
  pages = [];
  names = 0;

  constructor(context, siteUrl, serverUrl) {
    this.context = context;
    this.siteUrl = siteUrl;
    this.serverUrl = serverUrl;
  }

  async open({ online = true } = {}) {
    const page = await openTab(this.context, this.siteUrl);
    page.name = `tab${++this.names}`;
    await page.evaluate((options) => openTab(options), { serverUrl: this.serverUrl, name: page.name, online });
    this.pages.push(page);
    return page;
  }

  all(verb) {
    return Promise.all(this.pages.map((page) => page.evaluate(verb)));
  }

  async leader() {
    for (;;) {
      for (const page of this.pages) {
        if ((await page.evaluate(() => tab.client.tabRole)) === 'leader') return page;
      }
      await pause(5);
    }
  }

  /** Ends the leader as `how` says; returns its name and what it had counted for certain. */
  async end(how) {
    const page = await this.leader();
    this.pages = this.pages.filter((other) => other !== page);
    const counted = await page.evaluate(() => tab.counted);
    if (how === 'close') await page.close();
    else {
      const crashed = page.waitForEvent('crash');
      if (how === 'crash') await page.goto('chrome://crash').catch(() => {});
      else {
        const session = await this.context.newCDPSession(page);
        session.send('Page.crash').catch(() => {});
      }
      await crashed;
    }
    return { name: page.name, counted };
  }

  async flush(level) {
    await Promise.all(this.pages.map((page) => page.evaluate((level) => tab.client.flush({ level }), level)));
  }

  /** Waits until all tabs show the same, and returns it. */
  async agreed() {
    for (let tries = 0; ; tries++) {
      const views = await this.all(() => tab.view());
      const [first, ...others] = views.map((view) => JSON.stringify(view));
      if (others.every((other) => other === first)) return views[0];
      if (tries === 100) assert.deepEqual(views[1], views[0], 'the tabs do not agree');
      await pause(20);
    }
  }
}

test('tabs: three tabs of one profile are one replica, whichever of them ends in the middle of writes', { timeout: 180_000 }, async (t) => {
  const server = await ServerProcess.start();
  t.after(() => server.kill());
  const siteUrl = await serveProofPage(t);
  const context = await (await launchBrowser(t)).newContext();
  const tabs = new Tabs(context, siteUrl, server.url);
  const ended = [];

  await t.test('the first leads, the others follow it, over one connection', async () => {
    for (let i = 0; i < 3; i++) await tabs.open();
    const states = await tabs.all(() => tab.state());
    assert.deepEqual(states.map(({ role }) => role), ['leader', 'follower', 'follower']);
  });

  await t.test('all write at once, online', async () => {
    await tabs.all(() => tab.start());
    await pause(300);
    await tabs.all(() => tab.stop());
    await tabs.flush('memory');
    const view = await tabs.agreed();
    const states = await tabs.all(() => tab.state());
    assert.equal(view.shared, states.reduce((sum, { counted }) => sum + counted, 0));
    assert.deepEqual(states.map(({ pending, status }) => [pending, status]), Array(3).fill([0, 'online']));
  });

  for (const online of [true, false]) {
    for (const how of ['close', 'crash', 'Page.crash']) {
      await t.test(`the leader ends by ${how}, ${online ? 'online' : 'offline'}`, async () => {
        await tabs.pages.at(-1).evaluate((online) => (online ? tab.client.goOnline() : tab.client.goOffline()), online);
        await tabs.all(() => tab.start());
        await pause(50 + Math.random() * 200);
        ended.push(await tabs.end(how));
        await tabs.open({ online });
        await tabs.pages.at(-1).evaluate(() => tab.start());
        await pause(50 + Math.random() * 200);
        await tabs.all(() => tab.stop());
        await tabs.flush();
        await tabs.agreed();
        assert.deepEqual(await tabs.all(() => failures), [[], [], []]);
        for (const page of tabs.pages) assert.deepEqual(page.failures, []);
      });
    }
  }

  await t.test('the counters are exact, and the server has the same roots', async () => {
    await tabs.pages[0].evaluate(() => tab.client.goOnline());
    await tabs.flush('memory');
    const view = await tabs.agreed();

    const client = new TopGunClient({ serverUrl: server.url, storage: memoryStorage() });
    const witness = new TabWriter(client, 'witness');
    const synced = new Set();
    const all = new Promise((resolve) => {
      client.on('synced', ({ map }) => synced.add(map).size === 3 && resolve());
    });
    await client.start();
    await all;
    assert.deepEqual(witness.view().roots, view.roots);
    assert.equal(witness.shared.get(), view.shared);

    const living = await tabs.all(() => ({ name: tab.name, counted: tab.counted }));
    const counts = witness.counts([...living, ...ended].map(({ name }) => name));
    assert.deepEqual(counts.slice(0, living.length), living.map(({ counted }) => counted));
    // A tab that has ended may have written more than it told us, and lost what was not stored yet.
    const counted = counts.reduce((sum, count) => sum + count, 0);
    assert.ok(view.shared >= counted && view.shared <= counted + ended.length, `${view.shared} of ${counted}`);
    assert.equal(new Set(view.bag).size, view.bag.length, 'an element twice');
    t.diagnostic(`${view.shared} increments, ${view.bag.length} elements`);
    await client.close();
  });
});
