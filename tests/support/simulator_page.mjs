// Verbs for the simulator's page, so that its tests read like what a person does.

import { fromRoot } from './paths.mjs';

/** Where `npm run build` puts the page. */
export const simulatorFolder = fromRoot('build/examples/simulator');

export class SimulatorPage {
  constructor(page) {
    this.page = page;
  }

  /** Once the simulator is loaded and a run is open. */
  static async ready(page) {
    await page.waitForSelector('html[data-ready=true]');
    return new SimulatorPage(page);
  }

  button(name) {
    return this.page.getByRole('button', { name, exact: true });
  }

  async openTab(name) {
    await this.page.getByRole('tab', { name }).click();
  }

  async openSeed(seed, profile = 'lite') {
    await this.openTab('Explore');
    await this.page.getByLabel('Seed', { exact: true }).fill(String(seed));
    await this.page.getByRole('combobox', { name: /^World/ }).selectOption(profile);
    await this.button('Open').click();
    await this.page.waitForFunction((hash) => location.hash === hash, `#seed=${seed}&profile=${profile}`);
  }

  async play(speed) {
    await this.page.getByRole('combobox', { name: /^Speed/ }).selectOption(String(speed));
    await this.button('Play').click();
  }

  async time() {
    return parseFloat(await this.page.getByLabel('Virtual time').textContent());
  }

  /** Waits until the run is over; resolves to what the page says about it. */
  async verdict() {
    await this.page.waitForFunction(() => document.querySelector('.verdict').textContent !== '');
    return this.page.locator('.verdict').textContent();
  }

  trace(where) {
    return this.page.locator(`[data-hash=${where}]`).textContent();
  }

  stateOf(client) {
    return this.page.locator(`[data-client="${client}"]`).getAttribute('data-state');
  }

  async waitForState(client, state) {
    await this.page.waitForSelector(`[data-client="${client}"][data-state="${state}"]`);
  }

  /** Tells a story to its end; resolves to what was seen at each step. Throws if it stops before. */
  async tellStory(id) {
    await this.page.locator(`[data-story="${id}"]`).click();
    const notes = [];
    for (;;) {
      await this.page.waitForSelector('#panel-stories[data-busy=false]', { timeout: 60_000 });
      const note = await this.page.locator('.story-note').textContent();
      if (/stops here/.test(note)) throw new Error(`${id}, step ${notes.length + 1}: ${note}`);
      notes.push(note);
      const next = this.page.locator('[data-do=next]');
      const isLast = (await next.textContent()) === 'The end';
      await next.click();
      if (isLast) return notes;
    }
  }
}
