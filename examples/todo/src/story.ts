// A conflict to try by hand. The steps tick themselves off by watching the two replicas.

import { one } from './dom.js';
import type { Replica } from './replica.js';
import { sameTodos } from './wire.js';

type Step = 'disconnect' | 'rename' | 'reconnect' | 'end';

const STEPS: readonly { step: Step; text: string }[] = [
  { step: 'disconnect', text: 'With a todo on the list, switch the laptop offline.' },
  { step: 'rename', text: 'Click one todo and rename it, on the laptop and on the phone.' },
  { step: 'reconnect', text: 'Switch the laptop online again.' },
];

export class Story {
  private step: Step = 'disconnect';
  private before = new Map<string, string>();
  private conflictId = '';

  constructor(
    private readonly root: HTMLElement,
    private readonly laptop: Replica,
    private readonly phone: Replica,
  ) {
    for (const { text } of STEPS) {
      const item = document.createElement('li');
      item.textContent = text;
      one(root, 'ol').append(item);
    }
    laptop.subscribe(this.advance);
    phone.subscribe(this.advance);
    this.advance();
  }

  private readonly advance = (): void => {
    const step = this.next();
    if (step !== this.step) {
      this.step = step;
      if (step === 'rename') this.before = textsOf(this.laptop);
    }
    this.render();
  };

  private next(): Step {
    const offline = !this.laptop.wantsOnline && this.laptop.todos.all().length > 0;
    switch (this.step) {
      case 'disconnect':
        return offline ? 'rename' : 'disconnect';
      case 'rename':
        if (!offline) return 'disconnect';
        this.conflictId = this.renamedOnBoth() ?? '';
        return this.conflictId === '' ? 'rename' : 'reconnect';
      case 'reconnect':
        return this.laptop.connected && this.settled() ? 'end' : 'reconnect';
      case 'end':
        return offline ? 'rename' : 'end';
    }
  }

  private renamedOnBoth(): string | undefined {
    const onLaptop = textsOf(this.laptop);
    const onPhone = textsOf(this.phone);
    for (const [id, text] of this.before) {
      const laptop = onLaptop.get(id) ?? text;
      const phone = onPhone.get(id) ?? text;
      if (laptop !== text && phone !== text && laptop !== phone) return id;
    }
    return undefined;
  }

  private settled(): boolean {
    return this.laptop.pending === 0 && this.phone.pending === 0 && sameTodos(this.laptop, this.phone);
  }

  private render(): void {
    const current = STEPS.findIndex(({ step }) => step === this.step);
    const done = this.step === 'end' ? STEPS.length : current;
    this.root.querySelectorAll('li').forEach((item, index) => {
      item.classList.toggle('is-done', index < done);
      item.classList.toggle('is-current', index === done);
      if (index === done) item.setAttribute('aria-current', 'step');
      else item.removeAttribute('aria-current');
    });
    one(this.root, '.story-end').textContent = this.step === 'end' ? this.ending() : '';
  }

  private ending(): string {
    const text = textsOf(this.laptop).get(this.conflictId);
    if (text === undefined) return 'Both agree again: the todo is gone on both.';
    return `Both say “${text}”: the later edit won, on every replica alike.`;
  }
}

function textsOf(replica: Replica): Map<string, string> {
  return new Map(replica.todos.all().map((todo) => [todo.id, todo.text]));
}
