// The promises as a live list: kept so far, broken, or not due yet.

import { make, one, setAttribute, setText } from './dom.js';
import { PROMISES } from './texts.js';
import type { Player } from './player.js';
import type { World } from './types.js';

export class Promises {
  private readonly rows = new Map<string, HTMLElement>();
  private readonly count: HTMLElement;

  constructor(root: HTMLElement, player: Player) {
    this.count = one(root, '.promise-count');
    const list = one(root, 'ul');
    for (const promise of PROMISES) {
      const row = make(
        'li',
        { 'data-promise': promise.id, title: promise.text },
        make('span', { class: 'promise-sign', 'aria-hidden': 'true' }),
        make('span', { class: 'promise-name' }, promise.name),
        make('code', {}, promise.id),
        make('span', { class: 'promise-state' }),
        make('span', { class: 'promise-checks', title: 'comparisons so far' }),
        make('p', { class: 'promise-text' }, promise.text),
      );
      this.rows.set(promise.id, row);
      list.append(row);
    }
    player.onView(({ world }) => this.draw(world));
  }

  private draw(world: World): void {
    setText(this.count, `${world.checks.toLocaleString('en')} checks`);
    for (const promise of PROMISES) {
      const row = this.rows.get(promise.id);
      if (!row) continue;
      const state = stateOf(promise.id, promise.late === true, world);
      setAttribute(row, 'data-state', state);
      setText(one(row, '.promise-state'), state);
      setText(one(row, '.promise-checks'), (world.checks_by[promise.id] ?? 0).toLocaleString('en'));
    }
  }
}

function stateOf(id: string, isLate: boolean, world: World): string {
  if (world.violation?.invariant === id) return 'broken';
  if (isLate && !world.second_phase) return 'later';
  if (id === 'L5' && !world.over) return 'later';
  return 'kept';
}
