// A machine from near: its state, everything that can be done to it, and what it holds.

import { make, setText } from './dom.js';
import { moreDeeds } from './hands.js';
import { NODE } from './module.js';
import type { Player } from './player.js';
import type { Simulator } from './simulator.js';
import { clientName, clockText, stateText } from './texts.js';
import { serverState } from './machines.js';
import type { Contents, World } from './types.js';

const REFRESH_MS = 250;

export class Inspector {
  private machine: number | 'server' | undefined;
  private readonly heading = make('h3');
  private readonly facts = make('p', { class: 'facts' });
  private readonly deeds = make('div', { class: 'deeds', role: 'group' });
  private readonly contents = make('div', { class: 'contents' });
  private shownDeeds = '';
  private lastRefresh = 0;

  constructor(private readonly root: HTMLElement, private readonly player: Player, private readonly simulator: Simulator) {
    this.showHint();
    player.onView(({ world }) => this.draw(world));
  }

  show(machine: number | 'server' | undefined): void {
    this.machine = machine;
    if (machine === undefined) return this.showHint();
    this.root.replaceChildren(this.heading, this.facts, this.deeds, this.contents);
    this.shownDeeds = '';
    this.lastRefresh = 0;
    if (this.player.world) this.draw(this.player.world);
  }

  private showHint(): void {
    const hint = 'Click a device or the server to look inside and to do things to it. The scissors cut a connection, the switch pulls a plug, the clock is set wrong, and a file on the disk loses a bit.';
    this.root.replaceChildren(make('p', { class: 'hint' }, hint));
  }

  private draw(world: World): void {
    const { machine } = this;
    if (machine === undefined) return;
    if (machine !== 'server' && !world.clients[machine]) return this.show(undefined);
    setText(this.heading, machine === 'server' ? 'Server' : clientName(machine, world));
    setText(this.facts, machine === 'server' ? serverFacts(world) : clientFacts(machine, world));
    this.drawDeeds(machine, world);
    void this.refresh(machine);
  }

  private drawDeeds(machine: number | 'server', world: World): void {
    const deeds = moreDeeds(machine, world);
    const labels = deeds.map(([label]) => label).join();
    if (labels === this.shownDeeds) return;
    this.shownDeeds = labels;
    const buttons = deeds.map(([label], index) => {
      const button = make('button', { type: 'button', class: 'quiet' }, label);
      button.addEventListener('click', () => {
        const deed = this.player.world && moreDeeds(machine, this.player.world)[index]?.[1];
        if (deed) void this.player.act(deed);
      });
      return button;
    });
    this.deeds.replaceChildren(...buttons);
  }

  private async refresh(machine: number | 'server'): Promise<void> {
    const now = performance.now();
    if (now - this.lastRefresh < REFRESH_MS) return;
    this.lastRefresh = now;
    const contents = await this.simulator.ask('contents', { machine: machine === 'server' ? NODE : machine });
    if (machine !== this.machine) return;
    this.contents.replaceChildren(...tables(contents));
  }
}

function clientFacts(machine: number, world: World): string {
  const client = world.clients[machine];
  if (!client) return '';
  const clock = clockText(client.offset_ms);
  return [
    stateText(client),
    client.agrees ? 'agrees with the server' : 'differs from the server',
    client.unacked > 0 ? `${client.unacked} writes not confirmed` : 'everything confirmed',
    client.edge ? 'no storage' : `${Math.ceil(client.stored_bytes / 1024)} KiB stored`,
    ...(clock === '' ? [] : [`clock ${clock}`]),
  ].join(' · ');
}

function serverFacts({ node }: World): string {
  const unsynced = node.files.reduce((sum, file) => sum + file.unsynced, 0);
  const clock = clockText(node.offset_ms);
  return [
    serverState(node),
    `${node.connections} connections`,
    `${node.shards} ${node.shards === 1 ? 'shard' : 'shards'}`,
    `started ${node.starts} ${node.starts === 1 ? 'time' : 'times'}`,
    `${unsynced} sectors not synced`,
    ...(clock === '' ? [] : [`clock ${clock}`]),
  ].join(' · ');
}

function tables(contents: Contents): HTMLElement[] {
  return (['notes', 'tags', 'hits'] as const).filter((map) => contents[map].length > 0).map((map) => {
    const rows = contents[map].map(([key, value]) => make('tr', {}, make('th', { scope: 'row' }, key), make('td', {}, value)));
    return make('table', {}, make('caption', {}, map), ...rows);
  });
}
