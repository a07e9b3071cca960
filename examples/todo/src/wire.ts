// The line from the laptop over the server to the phone, and the sentence whether both agree.

import { counted, one } from './dom.js';
import type { Replica } from './replica.js';

export class Wire {
  constructor(
    private readonly root: HTMLElement,
    private readonly left: Replica,
    private readonly right: Replica,
  ) {
    left.subscribe(this.render);
    right.subscribe(this.render);
    this.render();
  }

  private readonly render = (): void => {
    this.renderLine(this.left);
    this.renderLine(this.right);
    this.root.dataset['server'] = this.left.connected || this.right.connected ? 'up' : 'unknown';
    const ready = this.left.ready && this.right.ready;
    const agree = ready && sameTodos(this.left, this.right);
    this.root.dataset['agree'] = String(agree);
    one(this.root, '.verdict').textContent = agree ? 'Both replicas agree' : ready ? this.difference() : '';
  };

  private renderLine(replica: Replica): void {
    const line = one(this.root, `[data-wire="${replica.side}"]`);
    line.dataset['state'] = replica.connected ? 'online' : 'offline';
    const count = one(line, '.wire-count');
    count.textContent = replica.pending === 0 ? '' : String(replica.pending);
    count.title = replica.pending === 0 ? '' : `${counted(replica.pending, 'change')} waiting on ${replica.name}`;
  }

  private difference(): string {
    const waiting = [this.left, this.right]
      .filter((replica) => replica.pending > 0)
      .map((replica) => `${counted(replica.pending, 'change')} waiting on ${replica.name.toLowerCase()}`);
    return ['The replicas differ', ...waiting].join(' · ');
  }
}

/** True when both replicas show the same list. */
export function sameTodos(left: Replica, right: Replica): boolean {
  return JSON.stringify(left.todos.all()) === JSON.stringify(right.todos.all());
}
