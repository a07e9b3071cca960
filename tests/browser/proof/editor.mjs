// One replica of the convergence proof: it edits records by a fixed plan and knows which of its
// edits were acknowledged. The same code runs in a browser page and in Node.

/** Edits of each replica. */
export const EDITS = 1000;

/** Every fourth record is edited by all replicas, the others by one alone. */
export function recordKey(replica, edit) {
  return edit % 4 === 0 ? `shared-${edit}` : `${replica}-${edit}`;
}

/** Some records are deleted right after they were written. */
export function isDeleted(edit) {
  return edit % 50 === 1;
}

export class Editor {
  /** Edits done so far, and how many of them (the first ones) were acknowledged at `local`. */
  issued;
  acknowledged;

  constructor(client, replica, { issued = 0, acknowledged = 0 } = {}) {
    this.client = client;
    this.replica = replica;
    this.map = client.getMap('proof');
    this.issued = issued;
    this.acknowledged = acknowledged;
  }

  /** The next `count` edits, without waiting for anything. */
  edit(count) {
    for (const last = Math.min(EDITS, this.issued + count); this.issued < last; ) {
      const edit = ++this.issued;
      const key = recordKey(this.replica, edit);
      this.map.set(key, { by: this.replica, edit, text: `edit ${edit} of ${this.replica}` });
      if (isDeleted(edit)) this.map.delete(key);
    }
  }

  /** Waits until everything edited so far is acknowledged as fsynced by the server. */
  async flush() {
    const issued = this.issued;
    await this.client.flush({ level: 'local' });
    this.acknowledged = Math.max(this.acknowledged, issued);
  }

  /** Waits until everything edited so far would survive a reload. */
  stored() {
    return this.client.flush();
  }

  /** Root and record count of the map, as one text. */
  root() {
    const { root, count } = this.client.root(this.map);
    return `${root} over ${count}`;
  }

  /** Resolves when the map has agreed with the server after this call. */
  synced() {
    return new Promise((resolve) => {
      const stop = this.client.on('synced', ({ map }) => {
        if (map !== this.map.name) return;
        stop();
        resolve();
      });
    });
  }

  /** Reconnects and resolves when the map has agreed with the server. */
  resync() {
    const synced = this.synced();
    this.setOnline(false);
    this.setOnline(true);
    return synced;
  }

  setOnline(online) {
    if (online) this.client.goOnline();
    else this.client.goOffline();
  }
}
