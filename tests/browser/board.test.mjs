// The board as people use it, in Chromium against a real server.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { BoardPage, boardFolder } from '../support/board_page.mjs';
import { launchBrowser, openPage, openTab } from '../support/browser.mjs';
import { fromRoot, temporaryFolder } from '../support/paths.mjs';
import { ServerProcess } from '../support/server.mjs';

const run = promisify(execFile);
const screenshots = fromRoot('build/screenshots');

async function startServer(t, options = {}) {
  const server = await ServerProcess.start({ args: ['--static', `/board=${boardFolder}`], ...options });
  t.after(() => server.kill());
  return server;
}

async function openBoard(t, options) {
  const server = await startServer(t);
  const page = await openPage(await launchBrowser(t), `${server.url}board/`, { viewport: { width: 1360, height: 900 }, ...options });
  const board = new BoardPage(page);
  await board.fill();
  return { server, page, board };
}

async function screenshot(page, name) {
  await mkdir(screenshots, { recursive: true });
  await page.screenshot({ path: join(screenshots, `board-${name}.png`) });
}

test('board: filters, groups and orders are live, and the figures agree with the rows', async (t) => {
  const { page, board } = await openBoard(t);
  await board.chip('Delayed').click();
  await page.waitForFunction(() => document.querySelector('[data-figure=shown]').textContent !== '50,000');
  const delayed = await board.shownCount();
  assert.equal(await board.chip('Delayed').locator('.chip-count').textContent(), delayed.toLocaleString('en'));
  await page.getByPlaceholder('City, e.g. Porto').fill('por');
  await page.waitForFunction((before) => document.querySelector('[data-figure=shown]').textContent !== before, delayed.toLocaleString('en'));
  for (const route of await board.column('route', 10)) assert.match(route, /Porto/);

  await board.button('Show all').click();
  await board.shows(50_000);
  await board.sortBy('Value');
  await board.sortBy('Value');
  await page.waitForFunction(() => document.querySelector('[aria-sort=descending]') !== null);
  await page.waitForFunction(() => /^€\u00a0[34],/.test(document.querySelector('.parcel .cell-value').textContent));
  const values = (await board.column('value', 10)).map((text) => Number(text.replace(/\D/g, '')));
  assert.deepEqual(values, values.toSorted((a, b) => b - a));

  await board.groupBy('Stage');
  const heading = page.locator('.list-space .group').first();
  await heading.waitFor();
  const booked = await board.chip('Booked').locator('.chip-count').textContent();
  assert.equal(await heading.locator('.group-count').textContent(), booked);
  // That of the group at the top stays in sight.
  await page.locator('.list-above .group').click();
  await page.locator('.list-space .group').filter({ hasText: 'Collected' }).waitFor();
  assert.deepEqual(page.failures, []);
});

test('board: what one window changes, another one shows', async (t) => {
  const { server, page, board } = await openBoard(t);
  const other = await openPage(page.context().browser(), `${server.url}board/`);
  const second = new BoardPage(other);
  await second.shows(50_000);
  const stage = board.parcel('P-00001').locator('.stage');
  const before = await stage.textContent();
  await stage.click();
  await page.waitForFunction((text) => document.querySelector('[data-key=P-00001] .stage').textContent !== text, before);
  const after = await stage.textContent();
  await second.parcel('P-00001').locator('.stage').filter({ hasText: after }).waitFor();
  assert.deepEqual([...page.failures, ...other.failures], []);
});

test('board: a second tab of one profile is as live as the first, and goes on when that is closed', async (t) => {
  const { server, page, board } = await openBoard(t);
  const tab = await openTab(page.context(), `${server.url}board/`);
  const second = new BoardPage(tab);
  await second.shows(50_000);
  const stageOf = (each) => each.parcel('P-00001').locator('.stage');
  await stageOf(board).click();
  await stageOf(second).filter({ hasText: await stageOf(board).textContent() }).waitFor();
  await page.close();
  // The first answer after the other tab went may take a moment: this tab is the leader from now on.
  await second.chip('Delayed').click();
  await stageOf(second).waitFor({ state: 'detached' });
  await second.button('Show all').click();
  await second.shows(50_000);
  const text = await stageOf(second).textContent();
  await stageOf(second).click();
  await tab.waitForFunction((text) => document.querySelector('[data-key=P-00001] .stage').textContent !== text, text);
  assert.deepEqual([...page.failures, ...tab.failures], []);
});

test('board: it opens without a server, and what was changed meanwhile is sent later', async (t) => {
  const dataDir = await temporaryFolder(t);
  const server = await startServer(t, { dataDir });
  const page = await openPage(await launchBrowser(t), `${server.url}board/`);
  let board = new BoardPage(page);
  await board.fill();
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await page.getByText('to send').waitFor({ state: 'detached' });
  await server.kill();

  await page.reload();
  board = new BoardPage(page);
  await board.shows(50_000);
  const express = board.parcel('P-00002').locator('.express');
  const before = await express.getAttribute('aria-pressed');
  await express.click();
  await page.getByText('1 to send').waitFor();
  await page.reload();
  await page.getByText('1 to send').waitFor();
  assert.notEqual(await board.parcel('P-00002').locator('.express').getAttribute('aria-pressed'), before);
  await startServer(t, { dataDir, port: server.port });
  await page.getByText('1 to send').waitFor({ state: 'detached' });
  assert.deepEqual(page.failures, []);
});

test('board: it scrolls while a writer changes a thousand parcels a second', async (t) => {
  const { page, board } = await openBoard(t);
  await board.letWriterIn();
  const measured = await board.scroll(5);
  t.diagnostic(JSON.stringify(measured));
  await screenshot(page, 'writing');
  assert.ok(measured.rows < 60, `only what is in sight is in the page, not ${measured.rows} rows`);
  assert.ok(measured.workMsAFrame < 1000 / 60, `${measured.workMsAFrame} ms of work a frame are too many for 60 a second`);
  await board.button('Stop the writer').click();
  assert.deepEqual(page.failures, []);
});

test('board: the writer in a terminal fills the board and changes it', async (t) => {
  const server = await startServer(t);
  const options = ['--url', server.url, '--rate', '200', '--seconds', '2'];
  const { stdout } = await run(process.execPath, [fromRoot('examples/board/writer.mjs'), ...options]);
  assert.match(stdout, /filling the board with 50000 parcels\nchanging 200 parcels a second/);
  const page = await openPage(await launchBrowser(t), `${server.url}board/`);
  await new BoardPage(page).shows(50_000);
});

for (const colorScheme of ['light', 'dark']) {
  for (const [name, viewport] of [['wide', { width: 1360, height: 900 }], ['narrow', { width: 390, height: 844 }]]) {
    test(`board: no part of the page is cut off, ${name} and ${colorScheme}`, async (t) => {
      const { page, board } = await openBoard(t, { viewport, colorScheme });
      await board.chip('At customs').click();
      await board.groupBy('Carrier');
      await page.locator('.group').first().waitFor();
      await screenshot(page, `${name}-${colorScheme}`);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `the page is ${overflow} px wider than the window`);
    });
  }
}
