// One side of the page: a client with a storage of its own, as if it ran on its own device.

import { TopGunClient } from 'topgun';
import { indexedDbStorage } from 'topgun/storage/indexeddb';

import { TodoList } from './todos.js';

export type Side = 'left' | 'right';

/**
 * Where the replica stands: `opening` reads its store, or finds the tab that has it open; `connecting`
 * looks for the server.
 */
export type ReplicaState = 'opening' | 'offline' | 'connecting' | 'online';

export interface ReplicaOptions {
  side: Side;
  /** What people call this replica. */
  name: string;
  serverUrl: string;
}

export class Replica {
  readonly side: Side;
  readonly name: string;
  readonly todos: TodoList;
  private readonly client: TopGunClient;
  private readonly listeners = new Set<() => void>();
  private online: boolean;
  private storageFailed = false;

  constructor(options: ReplicaOptions) {
    this.side = options.side;
    this.name = options.name;
    this.online = localStorage.getItem(this.switchKey) !== 'offline';
    this.client = new TopGunClient({
      serverUrl: options.serverUrl,
      storage: indexedDbStorage({ name: `todo-${options.side}` }),
    });
    if (!this.online) this.client.goOffline();
    this.todos = new TodoList(this.client);
    this.todos.subscribe(this.changed);
    this.client.on('status', this.changed);
    this.client.on('acked', this.changed);
    this.client.on('persistence', ({ error }) => {
      this.storageFailed = error !== undefined;
      this.changed();
    });
  }

  /**
   * Reads the stored copy, then connects unless the switch says offline. Other tabs of this page share
   * the replica.
   */
  async start(): Promise<void> {
    await this.client.start();
    this.changed();
  }

  /** What the person chose; `state` says what is. */
  get wantsOnline(): boolean {
    return this.online;
  }

  get state(): ReplicaState {
    const { status } = this.client;
    if (status === 'new' || status === 'waiting') return 'opening';
    if (!this.online) return 'offline';
    return status === 'online' ? 'online' : 'connecting';
  }

  /** True once the stored copy was read; before, there is nothing to show or change. */
  get ready(): boolean {
    return this.state !== 'opening';
  }

  get connected(): boolean {
    return this.state === 'online';
  }

  /** True while the device refuses to store changes; they are in memory and still sent. */
  get notStored(): boolean {
    return this.storageFailed;
  }

  /** Changes that the server has not confirmed yet. */
  get pending(): number {
    return this.client.pendingOps;
  }

  setOnline(online: boolean): void {
    this.online = online;
    // The choice survives a reload, so that "reload while offline" can be tried.
    localStorage.setItem(this.switchKey, online ? 'online' : 'offline');
    if (online) this.client.goOnline();
    else this.client.goOffline();
    this.changed();
  }

  subscribe(changed: () => void): void {
    this.listeners.add(changed);
  }

  private get switchKey(): string {
    return `todo-${this.side}-switch`;
  }

  private readonly changed = (): void => {
    for (const listener of this.listeners) listener();
  };
}
