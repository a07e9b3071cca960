// The two kinds of replica of the proof behind one set of verbs.

import { TopGunClient, memoryStorage } from 'topgun';

import { openPage } from '../../support/browser.mjs';
import { Editor } from './editor.mjs';

/** A replica in a browser profile of its own. */
export class BrowserReplica {
  /** `options` go to its client. */
  static async open(browser, siteUrl, serverUrl, name, options = {}) {
    const replica = new BrowserReplica(await openPage(browser, siteUrl), serverUrl, name, options);
    await replica.#open({ issued: 0, online: true });
    return replica;
  }

  constructor(page, serverUrl, name, options) {
    this.options = options;
    this.page = page;
    this.serverUrl = serverUrl;
    this.name = name;
  }

  edit(count) {
    return this.page.evaluate((count) => editor.edit(count), count);
  }

  flush() {
    return this.page.evaluate(() => editor.flush());
  }

  /** Reloads the page as a person would, once what was edited is stored on the device. */
  async reload({ online }) {
    const { issued, acknowledged } = await this.page.evaluate(async () => {
      await editor.stored();
      return { issued: editor.issued, acknowledged: editor.acknowledged };
    });
    await this.page.reload();
    await this.#open({ issued, acknowledged, online });
  }

  setOnline(online) {
    return this.page.evaluate((online) => editor.setOnline(online), online);
  }

  acknowledged() {
    return this.page.evaluate(() => editor.acknowledged);
  }

  entries() {
    return this.page.evaluate(() => [...editor.map.entries()]);
  }

  root() {
    return this.page.evaluate(() => editor.root());
  }

  resync() {
    return this.page.evaluate(() => editor.resync());
  }

  async #open({ issued, acknowledged = 0, online }) {
    const { serverUrl, name, options } = this;
    const how = { serverUrl, replica: name, issued, acknowledged, online, options };
    await this.page.evaluate((own) => open(own), how);
  }
}

/** A replica in this process. */
export class NodeReplica extends Editor {
  static async open(serverUrl, name, options = {}) {
    const client = new TopGunClient({ serverUrl, storage: memoryStorage(), ...options });
    const replica = new NodeReplica(client, name);
    await client.start();
    return replica;
  }

  entries() {
    return [...this.map.entries()];
  }
}
