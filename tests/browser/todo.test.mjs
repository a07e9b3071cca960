// The todo app as people use it, in Chromium against a real server.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { launchBrowser, openPage, openTab } from '../support/browser.mjs';
import { fromRoot, temporaryFolder } from '../support/paths.mjs';
import { ServerProcess } from '../support/server.mjs';
import { todoFolder, todoPanes } from '../support/todo_app.mjs';

const screenshots = fromRoot('build/screenshots');

async function startServer(t, options = {}) {
  const server = await ServerProcess.start({ staticDir: todoFolder, ...options });
  t.after(() => server.kill());
  return server;
}

test('todo: what is added on the laptop appears on the phone', async (t) => {
  const server = await startServer(t);
  const page = await openPage(await launchBrowser(t), server.url);
  const { laptop, phone } = await todoPanes(page);

  await laptop.add('Pack the tent');
  await phone.shows(['Pack the tent']);
  await phone.add('Call the hut');
  await laptop.shows(['Pack the tent', 'Call the hut']);
  await phone.tick('Call the hut');
  await phone.remove('Pack the tent');
  await laptop.shows(['Call the hut']);
  await laptop.allSaved();
  assert.ok(await laptop.isTicked('Call the hut'));
  assert.deepEqual(page.failures, []);
});

test('todo: after edits on both sides of an outage both show the later one, and nothing else is lost', async (t) => {
  const server = await startServer(t);
  const page = await openPage(await launchBrowser(t), server.url);
  const { laptop, phone } = await todoPanes(page);
  await laptop.add('Pack the tent');
  await laptop.add('Call the hut');
  await phone.shows(['Pack the tent', 'Call the hut']);

  await laptop.toggleOnline();
  await laptop.rename('Pack the tent', 'Pack the small tent');
  await laptop.tick('Call the hut');
  await phone.rename('Pack the tent', 'Pack the big tent');
  await phone.rename('Call the hut', 'Call the hut before noon');
  await laptop.shows(['Pack the small tent', 'Call the hut']);
  await laptop.toggleOnline();

  const merged = ['Pack the big tent', 'Call the hut before noon'];
  await laptop.shows(merged);
  await phone.shows(merged);
  await page.getByText('Both say “Pack the big tent”').waitFor();
  assert.ok(await phone.isTicked('Call the hut before noon'), 'the tick from the laptop arrived');
  assert.deepEqual(page.failures, []);
});

test('todo: the page opens and keeps its unsent changes when there is no server', async (t) => {
  const dataDir = await temporaryFolder(t);
  const server = await startServer(t, { dataDir });
  const page = await openPage(await launchBrowser(t), server.url);
  let { laptop, phone } = await todoPanes(page);
  await laptop.add('Pack the tent');
  await phone.shows(['Pack the tent']);
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await server.kill();

  await page.reload();
  ({ laptop, phone } = await todoPanes(page));
  await laptop.shows(['Pack the tent']);
  await laptop.add('Written without a server');
  await laptop.reaches('connecting');
  await page.reload();
  ({ laptop, phone } = await todoPanes(page));
  await laptop.shows(['Pack the tent', 'Written without a server']);

  await startServer(t, { dataDir, port: server.port });
  await phone.shows(['Pack the tent', 'Written without a server']);
  await laptop.allSaved();
  assert.deepEqual(page.failures, []);
});

test('todo: the switch stays offline over a reload', async (t) => {
  const server = await startServer(t);
  const page = await openPage(await launchBrowser(t), server.url);
  let { laptop, phone } = await todoPanes(page);
  await laptop.toggleOnline();
  await laptop.add('Only here');
  await laptop.reaches('offline');
  await page.reload();
  ({ laptop, phone } = await todoPanes(page));
  await laptop.reaches('offline');
  await laptop.shows(['Only here']);
  await phone.reaches('online');
  await phone.shows([]);
  await laptop.toggleOnline();
  await phone.shows(['Only here']);
});

test('todo: a second tab of one profile shows the same, and goes on when the first is closed', async (t) => {
  const server = await startServer(t);
  const first = await openPage(await launchBrowser(t), server.url);
  const one = await todoPanes(first);
  await one.laptop.add('From the first tab');
  await one.phone.shows(['From the first tab']);

  const second = await openTab(first.context(), server.url);
  const two = await todoPanes(second);
  await two.laptop.shows(['From the first tab']);
  await two.phone.add('From the second tab');
  await one.laptop.shows(['From the first tab', 'From the second tab']);
  await first.close();
  await two.laptop.add('From the second tab, alone');
  await two.phone.shows(['From the first tab', 'From the second tab', 'From the second tab, alone']);
  assert.deepEqual([...first.failures, ...second.failures], []);
});

test('todo: a store that is wiped under the page is reported, and nothing on the page is lost', async (t) => {
  const server = await startServer(t);
  const page = await openPage(await launchBrowser(t), server.url);
  const { laptop, phone } = await todoPanes(page);
  await laptop.add('Before');
  await phone.shows(['Before']);
  await page.evaluate(() => void indexedDB.deleteDatabase('todo-left'));
  await laptop.pane.getByText('not stored on this device').waitFor();
  await laptop.add('After');
  await phone.shows(['Before', 'After']);
  await laptop.shows(['Before', 'After']);
});

test('todo: a row that is dragged down moves on both sides', async (t) => {
  const server = await startServer(t);
  const page = await openPage(await launchBrowser(t), server.url);
  const { laptop, phone } = await todoPanes(page);
  for (const text of ['First', 'Second', 'Third']) await laptop.add(text);
  await phone.shows(['First', 'Second', 'Third']);

  const grips = laptop.pane.locator('.grip');
  await grips.nth(0).hover();
  await page.mouse.down();
  const end = await grips.nth(2).boundingBox();
  await page.mouse.move(end.x + end.width / 2, end.y + end.height / 2 + 5, { steps: 5 });
  await page.mouse.up();
  await laptop.shows(['Second', 'Third', 'First']);
  await phone.shows(['Second', 'Third', 'First']);
});

test('todo: the filter shows a part, and clearing removes what is done on both sides', async (t) => {
  const server = await startServer(t);
  const page = await openPage(await launchBrowser(t), server.url);
  const { laptop, phone } = await todoPanes(page);
  for (const text of ['Open', 'Done']) await laptop.add(text);
  await laptop.tick('Done');
  const filter = (name) => laptop.pane.getByRole('button', { name, exact: true }).click();
  await filter('Active');
  await laptop.shows(['Open']);
  await filter('Done');
  await laptop.shows(['Done']);
  await laptop.pane.getByRole('button', { name: 'Clear done' }).click();
  await laptop.pane.getByText('Nothing done').waitFor();
  await phone.shows(['Open']);
});

test('todo: it can be used by keyboard alone', async (t) => {
  const server = await startServer(t);
  const page = await openPage(await launchBrowser(t), server.url);
  const { laptop, phone } = await todoPanes(page);
  await laptop.add('First');
  await laptop.add('Second');
  await phone.shows(['First', 'Second']);

  await laptop.pane.getByRole('button', { name: 'Edit: First' }).focus();
  await page.keyboard.press('Alt+ArrowDown');
  await phone.shows(['Second', 'First']);
  await page.keyboard.press('F2');
  await page.keyboard.type('Renamed');
  await page.keyboard.press('Enter');
  await phone.shows(['Second', 'Renamed']);
  await page.keyboard.press('Delete');
  await phone.shows(['Second']);
  await page.keyboard.press('Delete');
  await phone.shows([]);
});

for (const colorScheme of ['light', 'dark']) {
  for (const [name, viewport] of [['wide', { width: 1280, height: 800 }], ['narrow', { width: 390, height: 844 }]]) {
    test(`todo: no part of the page is cut off, ${name} and ${colorScheme}`, async (t) => {
      const server = await startServer(t);
      const page = await openPage(await launchBrowser(t), server.url, { viewport, colorScheme });
      const { laptop, phone } = await todoPanes(page);
      for (const text of ['Pack the tent', 'Download the map', 'Call the hut']) await laptop.add(text);
      await laptop.tick('Download the map');
      await phone.shows(['Pack the tent', 'Download the map', 'Call the hut']);
      await laptop.toggleOnline();
      await laptop.rename('Pack the tent', 'Pack the small tent');
      await phone.rename('Pack the tent', 'Pack the big tent');

      await mkdir(screenshots, { recursive: true });
      await page.screenshot({ path: join(screenshots, `todo-${name}-${colorScheme}.png`), fullPage: true, animations: 'disabled' });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `the page is ${overflow} px wider than the window`);
    });
  }
}
