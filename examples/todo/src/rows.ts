// The rows of a list: one element a todo, kept across renders so that focus, an open editor and
// running animations survive changes that arrive from elsewhere.

import { fromTemplate, one } from './dom.js';
import { dragRows } from './drag.js';
import type { Todo, TodoList } from './todos.js';

interface Row {
  element: HTMLElement;
  todo: Todo;
}

export class TodoRows {
  private readonly rows = new Map<string, Row>();
  private shown: readonly Todo[] = [];

  constructor(
    private readonly list: HTMLElement,
    private readonly todos: TodoList,
    private readonly announce: (text: string) => void,
  ) {
    dragRows(list, (id, beforeId) => this.todos.move(id, beforeId));
  }

  render(todos: readonly Todo[]): void {
    this.shown = todos;
    const kept = new Set(todos.map((todo) => todo.id));
    for (const [id, row] of this.rows) {
      if (kept.has(id)) continue;
      this.keepFocusNear(row.element);
      row.element.remove();
      this.rows.delete(id);
    }
    let next = this.list.firstElementChild;
    for (const todo of todos) {
      const row = this.rowOf(todo);
      if (row.element === next) {
        next = next.nextElementSibling;
      } else {
        this.place(row.element, next);
      }
      this.update(row, todo);
    }
  }

  private rowOf(todo: Todo): Row {
    let row = this.rows.get(todo.id);
    if (!row) {
      row = { element: this.create(todo.id), todo };
      this.rows.set(todo.id, row);
      this.write(row.element, todo);
    }
    return row;
  }

  /** Moving an element drops its focus, so the focus is put back. */
  private place(element: HTMLElement, before: Element | null): void {
    const focused = element.contains(document.activeElement) ? document.activeElement : null;
    this.list.insertBefore(element, before);
    if (focused instanceof HTMLElement) focused.focus();
  }

  private update(row: Row, todo: Todo): void {
    if (row.todo.text !== todo.text || row.todo.done !== todo.done) {
      this.write(row.element, todo);
      flash(row.element);
    }
    row.todo = todo;
  }

  private write(element: HTMLElement, todo: Todo): void {
    element.classList.toggle('is-done', todo.done);
    const checkbox = one<HTMLInputElement>(element, '.todo-done');
    checkbox.checked = todo.done;
    checkbox.setAttribute('aria-label', `Done: ${todo.text}`);
    const text = one(element, '.todo-text');
    text.textContent = todo.text;
    text.setAttribute('aria-label', `Edit: ${todo.text}`);
    one(element, '.todo-remove').setAttribute('aria-label', `Delete: ${todo.text}`);
  }

  private create(id: string): HTMLElement {
    const element = fromTemplate('todo');
    element.dataset['id'] = id;
    one<HTMLInputElement>(element, '.todo-done').addEventListener('change', (event) =>
      this.todos.setDone(id, (event.target as HTMLInputElement).checked),
    );
    one(element, '.todo-text').addEventListener('click', () => this.edit(id));
    one(element, '.todo-remove').addEventListener('click', () => this.todos.remove(id));
    element.addEventListener('keydown', (event) => this.onKey(id, event));
    return element;
  }

  private onKey(id: string, event: KeyboardEvent): void {
    if (event.target instanceof HTMLInputElement && event.target.type === 'text') return;
    if (event.altKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
      event.preventDefault();
      this.nudge(id, event.key === 'ArrowUp' ? -1 : 1);
    } else if (event.key === 'F2') {
      this.edit(id);
    } else if (event.key === 'Delete') {
      this.todos.remove(id);
    }
  }

  private nudge(id: string, step: -1 | 1): void {
    const index = this.shown.findIndex((todo) => todo.id === id);
    const target = index + step;
    if (target < 0 || target >= this.shown.length) return;
    this.todos.move(id, this.shown[step < 0 ? target : target + 1]?.id);
    this.announce(`Moved to ${target + 1} of ${this.shown.length}`);
  }

  private edit(id: string): void {
    const row = this.rows.get(id);
    if (!row || row.element.classList.contains('is-editing')) return;
    const input = document.createElement('input');
    input.type = 'text';
    input.className = 'todo-editor';
    input.maxLength = 200;
    input.value = row.todo.text;
    input.setAttribute('aria-label', `New text for: ${row.todo.text}`);
    row.element.classList.add('is-editing');
    one(row.element, '.todo-text').after(input);
    input.focus();
    input.select();

    let open = true;
    const close = (keep: boolean, refocus: boolean): void => {
      if (!open) return;
      open = false;
      const text = input.value.trim();
      row.element.classList.remove('is-editing');
      input.remove();
      if (refocus) one(row.element, '.todo-text').focus();
      if (keep && text !== '' && text !== row.todo.text) this.todos.setText(id, text);
    };
    input.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== 'Escape') return;
      // Or the same key press would click the button that gets the focus back.
      event.preventDefault();
      close(event.key === 'Enter', true);
    });
    input.addEventListener('blur', () => close(true, false));
  }

  /** A keyboard user who deletes a row stays in the list. */
  private keepFocusNear(element: HTMLElement): void {
    if (!element.contains(document.activeElement)) return;
    const near = element.nextElementSibling ?? element.previousElementSibling;
    near?.querySelector<HTMLElement>('.todo-text')?.focus();
  }
}

function flash(element: HTMLElement): void {
  if (matchMedia('(prefers-reduced-motion: reduce)').matches) return;
  element.animate(
    [{ backgroundColor: 'var(--flash)' }, { backgroundColor: 'transparent' }],
    { duration: 900, easing: 'ease-out' },
  );
}
