// Verbs for the todo app, so that its tests read like what a person does.

import { fromRoot } from './paths.mjs';

/** Where `npm run build` puts the app. */
export const todoFolder = fromRoot('build/examples/todo');

/** One half of the page: `side` is left (laptop) or right (phone). */
export class TodoPane {
  #selector;

  constructor(page, side) {
    this.#selector = `.pane[data-side=${side}]`;
    this.pane = page.locator(this.#selector);
  }

  async add(text) {
    await this.pane.getByPlaceholder('What needs doing?').fill(text);
    await this.pane.getByRole('button', { name: 'Add', exact: true }).click();
  }

  async rename(text, newText) {
    await this.pane.getByRole('button', { name: `Edit: ${text}` }).click();
    await this.pane.locator('.todo-editor').fill(newText);
    await this.pane.locator('.todo-editor').press('Enter');
  }

  async tick(text) {
    await this.pane.getByRole('checkbox', { name: `Done: ${text}` }).check();
  }

  async remove(text) {
    await this.pane.getByRole('button', { name: `Delete: ${text}` }).click();
  }

  /** Presses the online switch. */
  async toggleOnline() {
    await this.pane.getByRole('switch').click();
  }

  /** Waits until the half shows exactly these todos in this order. */
  async shows(texts) {
    const expected = JSON.stringify(texts);
    const asExpected = ([selector, expected]) => {
      const rows = [...document.querySelectorAll(selector)];
      return JSON.stringify(rows.map((row) => row.textContent)) === expected;
    };
    try {
      const selector = `${this.#selector} .todo-text`;
      await this.pane.page().waitForFunction(asExpected, [selector, expected]);
    } catch (cause) {
      const shown = JSON.stringify(await this.texts());
      throw new Error(`expected ${expected}, shown ${shown}`, { cause });
    }
  }

  texts() {
    return this.pane.locator('.todo-text').allTextContents();
  }

  async isTicked(text) {
    return this.pane.getByRole('checkbox', { name: `Done: ${text}` }).isChecked();
  }

  /** Waits for a state: online, offline, or connecting. */
  async reaches(state) {
    await this.pane.page().waitForSelector(`${this.#selector}[data-state=${state}]`);
  }

  /** Waits until the server has confirmed everything. */
  async allSaved() {
    await this.pane.getByText('Everything saved').waitFor();
  }
}

/** Both halves, once they have read their stores, or follow a tab that has. */
export async function todoPanes(page) {
  for (const side of ['left', 'right']) {
    await page.waitForSelector(`.pane[data-side=${side}]:not([data-state=opening])`);
  }
  return { laptop: new TodoPane(page, 'left'), phone: new TodoPane(page, 'right') };
}
