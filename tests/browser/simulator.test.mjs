// The simulator's page as people use it, in Chromium. It needs no server but one for its files.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { launchBrowser, openPage } from '../support/browser.mjs';
import { fromRoot } from '../support/paths.mjs';
import { SimulatorPage, simulatorFolder } from '../support/simulator_page.mjs';
import { serveFolder } from '../support/static_site.mjs';

const screenshots = fromRoot('build/screenshots');
const hashes = JSON.parse(await readFile(join(simulatorFolder, 'hashes.json'), 'utf8'));

async function open(t, { hash = '', ...options } = {}) {
  const url = await serveFolder(t, simulatorFolder);
  const page = await openPage(await launchBrowser(t), url + hash, { viewport: { width: 1360, height: 900 }, ...options });
  return SimulatorPage.ready(page);
}

async function screenshot(page, name) {
  await mkdir(screenshots, { recursive: true });
  await page.screenshot({ path: join(screenshots, `simulator-${name}.png`), fullPage: true, animations: 'disabled' });
}

test('simulator: a seed that is played to its end has the trace of the native build', async (t) => {
  const simulator = await open(t);
  await simulator.openSeed(13);
  await simulator.play(1000);
  assert.match(await simulator.verdict(), /Every promise was kept/);
  assert.equal(await simulator.trace('here'), hashes.lite[12]);
  assert.equal(await simulator.trace('native'), hashes.lite[12]);
  await simulator.page.getByText('The same, bit for bit').waitFor();
  assert.deepEqual(simulator.page.failures, []);
});

test('simulator: many seeds in Chromium have the traces of the native build', async (t) => {
  const simulator = await open(t);
  const traces = await simulator.page.evaluate(async (seeds) => {
    const { exports } = (await WebAssembly.instantiateStreaming(fetch('topgun-sim.wasm'), {
      env: { emscripten_notify_memory_growth: () => 0 },
      wasi_snapshot_preview1: { proc_exit: () => 0 },
    })).instance;
    exports._initialize?.();
    const run = (seed, profile) => {
      exports.sim_draft_seed(BigInt(seed), profile);
      exports.sim_run();
      const text = new Uint8Array(exports.memory.buffer, exports.sim_result_pointer() >>> 0, exports.sim_result_size());
      return JSON.parse(new TextDecoder().decode(text)).trace;
    };
    return { lite: seeds.map((seed) => run(seed, 1)), standard: [run(1, 2)] };
  }, hashes.lite.map((_, i) => i + 1));
  assert.deepEqual(traces.lite, hashes.lite);
  assert.deepEqual(traces.standard, hashes.standard.slice(0, 1));
});

test('simulator: stepping, going back and the slider move through one and the same run', async (t) => {
  const simulator = await open(t, { hash: '#seed=4&profile=lite' });
  const { page } = simulator;
  const slider = page.getByLabel('Time of the run');
  await slider.fill('150');
  await page.waitForFunction(() => parseFloat(document.querySelector('.clock-face').textContent) > 20);
  const [time, trace] = [await simulator.time(), await simulator.trace('here')];
  await simulator.button('One event on').click();
  await page.waitForFunction((before) => document.querySelector('[data-hash=here]').textContent !== before, trace);
  await simulator.button('One second back').click();
  await page.waitForFunction((before) => parseFloat(document.querySelector('.clock-face').textContent) < before, time);
  await simulator.button('Back to the start').click();
  await page.waitForFunction(() => document.querySelector('.clock-face').textContent === '0.000 s');
  await slider.fill('150');
  await page.waitForFunction((before) => document.querySelector('[data-hash=here]').textContent === before, trace);
  assert.equal(await simulator.time(), time);
  assert.deepEqual(page.failures, []);
});

test('simulator: hands cut, heal, kill, start, set clocks, flip bits; and the run knows', async (t) => {
  const simulator = await open(t);
  const { page } = simulator;
  await simulator.button('Cut the connection of Ada').click();
  await simulator.waitForState(0, 'cut off');
  await simulator.button('Ada writes a note').click();
  await simulator.play(10);
  await page.waitForFunction(() => document.querySelector('[data-client="0"]').dataset.agrees === 'false');
  await page.getByText('1 unsaved').waitFor();
  await simulator.button('Heal the connection of Ada').click();
  await page.waitForFunction(() => [...document.querySelectorAll('[data-client]')].every(({ dataset }) => dataset.agrees === 'true'));
  await simulator.button('Pause').click();

  await simulator.button('Kill Ben').click();
  await simulator.waitForState(1, 'closed');
  await simulator.button('Start Ben again').click();
  await simulator.button('Set the clock of Cleo an hour ahead').click();
  await simulator.button('Set the clock of Cleo right (it is off by +60 min)').click();
  await page.getByRole('button', { name: /checkpoint\.db, .*: flip a stored bit/ }).click();
  await simulator.button('Pull the plug of the server').click();
  await page.waitForSelector('.server[data-state=down]');
  await simulator.button('Start the server again').click();
  await page.waitForSelector('.server[data-state=up]');
  await page.getByText(/interventions of yours/).waitFor();

  await page.getByRole('button', { name: /^Ada, device/ }).click();
  await page.getByRole('button', { name: 'Put it to sleep' }).click();
  await simulator.waitForState(0, 'asleep');
  assert.deepEqual(page.failures, []);
});

test('simulator: a planted bug is caught, made small, drawn, and shown on the stage', async (t) => {
  const simulator = await open(t);
  const { page } = simulator;
  await simulator.openTab('Plant a bug');
  await page.getByLabel('The bug to plant').selectOption('21');
  await simulator.button('Plant it and run').click();
  await page.getByText('Broken: Saved means saved (I05)').waitFor();
  await page.waitForSelector('[data-promise=I05][data-state=broken]');
  const size = await page.locator('.bug-size').textContent();
  assert.ok(Number(/^(\d+) write/.exec(size)[1]) <= 12, size);
  await page.getByRole('region', { name: 'Space-time diagram' }).waitFor();
  await screenshot(page, 'bug');
  await simulator.button('Watch the small case').click();
  await page.waitForFunction(() => document.querySelector('.verdict').textContent === '');
  // It plays as slowly as one can follow, and begins long before anything happens.
  await page.getByLabel('Speed').selectOption('100');
  assert.match(await simulator.verdict(), /I05 is broken/);
  assert.deepEqual(page.failures, []);
});

test('simulator: each story comes to its end', async (t) => {
  const simulator = await open(t, { reducedMotion: 'reduce' });
  for (const id of ['offline', 'power', 'twice', 'clocks', 'bug']) {
    const notes = await simulator.tellStory(id);
    assert.ok(notes.some((note) => note !== ''), `${id} shows something`);
  }
  assert.deepEqual(simulator.page.failures, []);
});

test('simulator: a story moves as one watches it, and goes back', async (t) => {
  const simulator = await open(t);
  const { page } = simulator;
  await page.locator('[data-story=offline]').click();
  await page.locator('[data-do=next]:enabled').click();
  await page.waitForSelector('.flight[data-category=write]');
  await page.waitForSelector('#panel-stories[data-busy=false]');
  await page.locator('[data-do=previous]').click();
  await page.waitForSelector('#panel-stories[data-busy=false]');
  await page.getByText('1 of 6').waitFor();
  assert.equal(await simulator.time(), 2);
});

test('simulator: it opens without a network once it was there', async (t) => {
  const simulator = await open(t);
  const { page } = simulator;
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await page.context().setOffline(true);
  await page.reload();
  const again = await SimulatorPage.ready(page);
  await again.openSeed(2);
  await again.play(1000);
  assert.match(await again.verdict(), /Every promise was kept/);
  assert.equal(await again.trace('here'), hashes.lite[1]);
});

test('simulator: a link opens the very run, and a damaged one says so', async (t) => {
  const simulator = await open(t, { hash: '#seed=25&profile=lite&mutant=21' });
  await simulator.play(1000);
  assert.match(await simulator.verdict(), /I05 is broken/);
  const other = await open(t, { hash: '#seed=-1&profile=nothing' });
  assert.equal(await other.time(), 2, 'the world of the stories');
});

for (const colorScheme of ['light', 'dark']) {
  for (const [name, viewport] of [['wide', { width: 1360, height: 900 }], ['narrow', { width: 390, height: 844 }]]) {
    test(`simulator: no part of the page is cut off, ${name} and ${colorScheme}`, async (t) => {
      const profile = name === 'wide' ? 'standard' : 'lite';
      const simulator = await open(t, { viewport, colorScheme, hash: `#seed=2&profile=${profile}` });
      const { page } = simulator;
      await page.getByLabel('Time of the run').fill('60');
      await page.waitForFunction(() => parseFloat(document.querySelector('.clock-face').textContent) > 5);
      await screenshot(page, `${name}-${colorScheme}`);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `the page is ${overflow} px wider than the window`);
    });
  }
}
