// What happened lately, in words.

import { make } from './dom.js';
import type { Player } from './player.js';
import { happeningText, timeText } from './texts.js';
import type { View } from './types.js';

const LINES_MAX = 60;

export class Log {
  private lastUs = 0;

  constructor(private readonly list: HTMLElement, player: Player) {
    player.onView((view) => this.draw(view));
    player.onState(() => undefined);
  }

  private draw({ world, happened }: View): void {
    if (world.now_us < this.lastUs) this.list.replaceChildren();
    this.lastUs = world.now_us;
    for (const happening of happened.slice(-LINES_MAX)) {
      const text = happeningText(happening, world);
      if (text === null) continue;
      const kind = happening.event === 'step' && happening.fault ? 'fault' : happening.event;
      this.list.prepend(make('li', { 'data-kind': kind }, make('time', {}, timeText(happening.t)), ` ${text}`));
    }
    while (this.list.children.length > LINES_MAX) this.list.lastElementChild?.remove();
  }
}
