// The todo list as three replicated maps.
//
// A record is the unit of merging: of two concurrent writes to one record the later wins. So each
// thing that people change independently is a record of its own: somebody can tick a todo off
// while somebody else renames it and a third one moves it, all offline, and nothing is lost.

import type { LwwMap, TopGunClient } from 'topgun';

import { positionBetween } from './order.js';

export interface Todo {
  readonly id: string;
  readonly text: string;
  readonly done: boolean;
  readonly position: string;
}

export class TodoList {
  /** A todo exists while it has a text; the other two maps only add to it. */
  private readonly texts: LwwMap<string>;
  private readonly doneFlags: LwwMap<boolean>;
  private readonly positions: LwwMap<string>;

  constructor(client: TopGunClient) {
    this.texts = client.getMap<string>('todo-text');
    this.doneFlags = client.getMap<boolean>('todo-done');
    this.positions = client.getMap<string>('todo-position');
  }

  /** Every todo in the order of the list, the same on every replica with the same records. */
  all(): Todo[] {
    const todos: Todo[] = [];
    for (const [id, text] of this.texts.entries()) {
      todos.push({
        id,
        text,
        done: this.doneFlags.get(id) ?? false,
        position: this.positions.get(id) ?? '',
      });
    }
    return todos.sort((a, b) => compare(a.position, b.position) || compare(a.id, b.id));
  }

  add(text: string): string {
    const id = newId();
    this.positions.set(id, positionBetween(this.all().at(-1)?.position, undefined));
    this.texts.set(id, text);
    return id;
  }

  setText(id: string, text: string): void {
    this.texts.set(id, text);
  }

  setDone(id: string, done: boolean): void {
    this.doneFlags.set(id, done);
  }

  /** Moves a todo to just before another one, or to the end when `beforeId` is undefined. */
  move(id: string, beforeId: string | undefined): void {
    const others = this.all().filter((todo) => todo.id !== id);
    const index = beforeId === undefined ? -1 : others.findIndex((todo) => todo.id === beforeId);
    const slot = index < 0 ? others.length : index;
    this.positions.set(id, positionBetween(others[slot - 1]?.position, others[slot]?.position));
  }

  remove(id: string): void {
    this.texts.delete(id);
    this.doneFlags.delete(id);
    this.positions.delete(id);
  }

  clearDone(): void {
    for (const todo of this.all()) if (todo.done) this.remove(todo.id);
  }

  /** Calls back after every change, local or remote. */
  subscribe(changed: () => void): void {
    this.texts.subscribe(changed);
    this.doneFlags.subscribe(changed);
    this.positions.subscribe(changed);
  }
}

/** 96 random bits: two replicas never choose alike. (`randomUUID` exists on secure origins only.) */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
