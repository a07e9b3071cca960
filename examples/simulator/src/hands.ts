// What a hand on the stage or a button means to the simulator.

import { type Player } from './player.js';
import type { Touch } from './machines.js';
import { DeedKind, StepKind, type Client, type Deed, type World } from './types.js';

export const HOUR_MS = 3_600_000;
// The server takes nothing from more than a minute ahead, so that an hour would only stop everybody.
const SERVER_CLOCK_MS = 10_000;

/** As the simulator stores signed numbers: small ones stay small. */
export function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

export const doing = (step: number, actor = 0, a = 0, b = 0): Deed => ({ kind: DeedKind.Do, step, actor, a, b });
export const ending = (step: number, actor = 0): Deed => ({ kind: DeedKind.End, step, actor });
export const settingClock = (actor: number, by_ms: number): Deed => doing(StepKind.ClockStep, actor, zigzag(by_ms));

export function cutOrHeal(client: Client): Deed {
  const isCut = client.cut_to_node || client.cut_to_client;
  return isCut ? ending(StepKind.Partition, client.number) : doing(StepKind.Partition, client.number);
}

let notes = 0;

/** The deed that a touch asks for; nothing for a selection. */
export function deedOf(touch: Touch, world: World): Deed | undefined {
  if (touch.what === 'select') return undefined;
  if (touch.what === 'flip') return { kind: DeedKind.FlipBit, a: touch.file };
  if (touch.machine === 'server') return serverDeed(touch.what, world);
  const client = world.clients[touch.machine];
  if (!client) return undefined;
  switch (touch.what) {
    case 'link':
      return cutOrHeal(client);
    case 'write':
      return doing(StepKind.Set, client.number, notes++);
    case 'power':
      return client.running ? doing(StepKind.TabKill, client.number) : ending(StepKind.TabKill, client.number);
    case 'clock':
      return settingClock(client.number, client.offset_ms === 0 ? HOUR_MS : -client.offset_ms);
  }
}

function serverDeed(what: 'power' | 'clock' | 'write' | 'link', world: World): Deed | undefined {
  const { running, offset_ms } = world.node;
  if (what === 'power') return running ? doing(StepKind.NodePower) : ending(StepKind.NodeCrash);
  if (what === 'clock') return doing(StepKind.NodeClockStep, 0, zigzag(offset_ms === 0 ? SERVER_CLOCK_MS : -offset_ms));
  return undefined;
}

/** What else can be done to a machine, for the inspector: a label and its deed. */
export function moreDeeds(machine: number | 'server', world: World): readonly (readonly [string, Deed])[] {
  if (machine === 'server') {
    const { node } = world;
    return [
      node.running ? ['Pull the plug', doing(StepKind.NodePower)] : ['Start it again', ending(StepKind.NodeCrash)],
      ...(node.running ? ([['Kill the process', doing(StepKind.NodeCrash)]] as const) : []),
      node.paused ? ['Let it go on', ending(StepKind.NodePause)] : ['Let it stand still', doing(StepKind.NodePause)],
      node.disk_full ? ['Make room on the disk', ending(StepKind.DiskFull)] : ['Fill the disk', doing(StepKind.DiskFull)],
    ];
  }
  const client = world.clients[machine];
  if (!client) return [];
  return [
    ['Write a note', doing(StepKind.Set, machine, notes)],
    ['Remove a note', doing(StepKind.Remove, machine, notes)],
    ['Count one up', doing(StepKind.CounterAdd, machine, 0, 10)],
    [client.cut_to_node || client.cut_to_client ? 'Heal the connection' : 'Cut the connection', cutOrHeal(client)],
    client.wants_online ? ['Go offline', doing(StepKind.Offline, machine)] : ['Go online', ending(StepKind.Offline, machine)],
    client.running ? ['Kill it', doing(StepKind.TabKill, machine)] : ['Start it again', ending(StepKind.TabKill, machine)],
    client.asleep ? ['Wake it', ending(StepKind.TabSleep, machine)] : ['Put it to sleep', doing(StepKind.TabSleep, machine)],
    client.quota ? ['Make room in its storage', ending(StepKind.Quota, machine)] : ['Fill its storage', doing(StepKind.Quota, machine)],
    ['Clock an hour ahead', settingClock(machine, HOUR_MS)],
    ['Clock an hour back', settingClock(machine, -HOUR_MS)],
  ];
}

/** Carries a touch out. */
export async function touch(player: Player, what: Touch): Promise<void> {
  const { world } = player;
  const deed = world && deedOf(what, world);
  if (deed) await player.act(deed);
}
