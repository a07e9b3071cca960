// Tabs as the ARIA practices have them: arrow keys move, the chosen one is the only tab stop.

import { one } from './dom.js';

export class Tabs {
  private readonly buttons: readonly HTMLButtonElement[];
  private readonly listeners: ((name: string) => void)[] = [];
  current = 'stories';

  constructor(private readonly root: HTMLElement) {
    this.buttons = [...root.querySelectorAll<HTMLButtonElement>('[role=tab]')];
    for (const button of this.buttons) button.addEventListener('click', () => this.show(nameOf(button)));
    root.addEventListener('keydown', (event) => this.onKey(event));
    this.show(this.current);
  }

  onChange(listener: (name: string) => void): void {
    this.listeners.push(listener);
  }

  show(name: string): void {
    this.current = name;
    for (const button of this.buttons) {
      const isChosen = nameOf(button) === name;
      button.setAttribute('aria-selected', String(isChosen));
      button.tabIndex = isChosen ? 0 : -1;
      one(document, `#panel-${nameOf(button)}`).hidden = !isChosen;
    }
    for (const listener of this.listeners) listener(name);
  }

  private onKey(event: KeyboardEvent): void {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (by === 0) return;
    const index = this.buttons.findIndex((button) => nameOf(button) === this.current);
    const next = this.buttons[(index + by + this.buttons.length) % this.buttons.length];
    if (!next) return;
    this.show(nameOf(next));
    next.focus();
  }
}

function nameOf(button: HTMLButtonElement): string {
  return button.id.replace('tab-', '');
}
