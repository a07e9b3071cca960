// The view of one replica: header with the switch, form, list, filters.

import { counted, fromTemplate, one } from './dom.js';
import type { Replica, ReplicaState } from './replica.js';
import { TodoRows } from './rows.js';
import type { Todo } from './todos.js';

type Filter = 'all' | 'active' | 'done';

const EXAMPLES = ['Pack the tent', 'Download the map', 'Call the hut'];

export class Pane {
  readonly element = fromTemplate('pane');
  private readonly rows: TodoRows;
  private filter: Filter = 'all';
  private scheduled = false;

  constructor(private readonly replica: Replica) {
    this.element.dataset['side'] = replica.side;
    this.element.setAttribute('aria-label', replica.name);
    one(this.element, 'h2').textContent = replica.name;
    this.rows = new TodoRows(one(this.element, '.todos'), replica.todos, this.announce);
    this.wireForm();
    this.wireButtons();
    replica.subscribe(this.schedule);
    this.render();
  }

  /** Many records may arrive in one turn; they are drawn once. */
  private readonly schedule = (): void => {
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      this.render();
    });
  };

  private wireForm(): void {
    const form = one<HTMLFormElement>(this.element, '.add');
    const input = one<HTMLInputElement>(form, 'input');
    input.setAttribute('aria-label', `New todo on ${this.replica.name}`);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const text = input.value.trim();
      if (text === '') return;
      this.replica.todos.add(text);
      input.value = '';
      if (this.filter === 'done') this.setFilter('all');
    });
  }

  private wireButtons(): void {
    one(this.element, '.switch').addEventListener('click', () =>
      this.replica.setOnline(!this.replica.wantsOnline),
    );
    one(this.element, '.clear-done').addEventListener('click', () => this.replica.todos.clearDone());
    one(this.element, '.empty-examples').addEventListener('click', () => {
      for (const text of EXAMPLES) this.replica.todos.add(text);
    });
    for (const button of this.element.querySelectorAll<HTMLElement>('[data-filter]')) {
      button.addEventListener('click', () => this.setFilter(button.dataset['filter'] as Filter));
    }
  }

  private setFilter(filter: Filter): void {
    this.filter = filter;
    this.render();
  }

  private readonly announce = (text: string): void => {
    one(this.element, '.announcer').textContent = text;
  };

  private render(): void {
    one(this.element, '.add').inert = !this.replica.ready;
    one(this.element, '.switch').inert = !this.replica.ready;
    const todos = this.replica.todos.all();
    const shown = todos.filter((todo) => matches(todo, this.filter));
    this.rows.render(shown);
    this.renderHeader();
    this.renderEmpty(todos.length, shown.length);
    this.renderFooter(todos);
  }

  private renderHeader(): void {
    const { state, wantsOnline, pending, name, notStored } = this.replica;
    this.element.dataset['state'] = state;
    one(this.element, '.pane-status-text').textContent =
      statusText(state, pending) + (notStored ? ' · not stored on this device' : '');
    const toggle = one(this.element, '.switch');
    toggle.setAttribute('aria-checked', String(wantsOnline));
    toggle.setAttribute('aria-label', `${name} online`);
    one(toggle, '.switch-text').textContent = wantsOnline ? 'Online' : 'Offline';
  }

  private renderEmpty(total: number, shown: number): void {
    const empty = one(this.element, '.empty');
    empty.hidden = shown > 0 || this.replica.state === 'opening';
    const [title, text] = this.emptyText(total);
    one(empty, '.empty-title').textContent = title;
    one(empty, '.empty-text').textContent = text;
    one(empty, '.empty-examples').hidden = total > 0;
  }

  private emptyText(total: number): [title: string, text: string] {
    if (total > 0) return [`Nothing ${this.filter}`, 'Other todos are hidden by the filter.'];
    return ['Nothing to do', 'What you add here appears on the other device.'];
  }

  private renderFooter(todos: readonly Todo[]): void {
    const done = todos.filter((todo) => todo.done).length;
    one(this.element, '.pane-foot').hidden = todos.length === 0;
    one(this.element, '.left-count').textContent = `${todos.length - done} left`;
    one<HTMLButtonElement>(this.element, '.clear-done').disabled = done === 0;
    for (const button of this.element.querySelectorAll<HTMLElement>('[data-filter]')) {
      button.setAttribute('aria-pressed', String(button.dataset['filter'] === this.filter));
    }
  }
}

function matches(todo: Todo, filter: Filter): boolean {
  return filter === 'all' || todo.done === (filter === 'done');
}

function statusText(state: ReplicaState, pending: number): string {
  const waiting = pending === 0 ? '' : ` · ${counted(pending, 'change')} waiting`;
  switch (state) {
    case 'opening':
      return 'Opening';
    case 'offline':
      return `Offline${waiting}`;
    case 'connecting':
      return `Looking for the server${waiting}`;
    case 'online':
      return pending === 0 ? 'Everything saved' : `Sending ${counted(pending, 'change')}`;
  }
}
