// Words for people: promises, messages, steps, clocks.

import type { Client, Happening, World } from './types.js';

export interface WatchedPromise {
  readonly id: string;
  readonly name: string;
  readonly text: string;
  /** Checked in the second phase only. */
  readonly late?: boolean;
}

/** The invariants of docs/invariants.md that are watched in runs. */
export const PROMISES: readonly WatchedPromise[] = [
  { id: 'I01', name: 'State is a sum', text: 'What a replica holds is what it wrote and was sent, merged by the rules: nothing more, nothing less.' },
  { id: 'I02', name: 'Same input, same state', text: 'Replicas that were given the same writes hold the same, in whatever order they came.' },
  { id: 'I04', name: 'Nothing from thin air', text: 'Whatever anybody reads, somebody wrote to that very key.' },
  { id: 'I05', name: 'Saved means saved', text: 'What the server confirmed as stored is there after any crash and any loss of power.' },
  { id: 'I06', name: 'Once, not twice', text: 'A write counts once, however often it was sent. Counters are exact.' },
  { id: 'I07', name: 'Stamps only grow', text: 'Time stamps of a replica never go back, and the server takes none from the far future.' },
  { id: 'I08', name: 'Fingerprints tell', text: 'Two replicas have equal fingerprints exactly when they hold the same.' },
  { id: 'I09', name: 'Positions are true', text: 'Up to where a replica says it has read, it lacks nothing.' },
  { id: 'I10', name: 'You see what you did', text: 'Your own writes show at once, and the screen shows what the replica holds.' },
  { id: 'I11', name: 'Lists stay true', text: 'A live list shows what the same question would find if it were asked now.' },
  { id: 'I12', name: 'Views stay true', text: 'A view holds what it is defined as, whatever changed below it.' },
  { id: 'I20', name: 'Recovery is exact', text: 'After a restart the server holds its checkpoint and its log, merged.' },
  { id: 'I21', name: 'Gone stays gone', text: 'What was removed does not come back.' },
  { id: 'I22', name: 'Nothing piles up', text: 'No queue grows beyond its limit, and nothing is kept of connections that are gone.' },
  { id: 'I23', name: 'Done means done', text: 'Who shows nothing waiting has no write that could still get lost.' },
  { id: 'I24', name: 'Messages can be read', text: 'Whatever one side sends, the other side can decode.' },
  { id: 'I26', name: 'Answers are fresh', text: 'What a request brought is as new as the request, and an answer that comes too late changes nothing.' },
  { id: 'L1', name: 'All agree in the end', text: 'Once the network heals, everybody comes to hold the same, and nothing waits to be sent.', late: true },
  { id: 'L5', name: 'Then it is quiet', text: 'When all agree, they stop talking.', late: true },
];

const NAMES = ['Ada', 'Ben', 'Cleo', 'Dan', 'Eva', 'Fay'];

/** What a client is called: by name in a small world, by number in a large one. */
export function clientName(number: number, world: World): string {
  const client = world.clients[number];
  if (client?.edge) return `E${number + 1 - world.clients.filter(({ edge }) => !edge).length}`;
  return world.clients.length <= NAMES.length ? (NAMES[number] ?? `${number + 1}`) : `${number + 1}`;
}

export type Category = 'write' | 'seen' | 'saved' | 'change' | 'sync' | 'beat' | 'refusal' | 'connect';

const CATEGORIES: Readonly<Record<string, Category>> = {
  operations: 'write', 'ack of memory': 'seen', ack: 'saved', changes: 'change', records: 'change', hello: 'sync', welcome: 'sync',
  subscribe: 'sync', unsubscribe: 'sync', subscribed: 'sync', synced: 'sync', diff: 'sync', ping: 'beat',
  pong: 'beat', credit: 'beat', authenticate: 'sync', reject: 'refusal', error: 'refusal', cloned: 'refusal',
  resume: 'refusal',
};
const BY_WEIGHT: readonly Category[] = ['refusal', 'write', 'saved', 'change', 'seen', 'sync', 'beat'];

/** What a frame is mostly about. */
export function categoryOf(messages: readonly string[]): Category {
  const categories = new Set(messages.map((name) => CATEGORIES[name] ?? 'sync'));
  return BY_WEIGHT.find((category) => categories.has(category)) ?? 'connect';
}

export const CATEGORY_LABEL: Readonly<Record<Category, string>> = {
  write: 'write', seen: 'got it', saved: 'saved', change: 'news', sync: 'compare', beat: '', refusal: 'refused', connect: '',
};

/** "+1 h", "−30 s"; nothing for a clock that is right to a second. */
export function clockText(offset_ms: number): string {
  const seconds = Math.round(Math.abs(offset_ms) / 1000);
  if (seconds < 1) return '';
  const sign = offset_ms < 0 ? '−' : '+';
  if (seconds < 120) return `${sign}${seconds} s`;
  if (seconds < 7200) return `${sign}${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${sign}${Math.round(seconds / 3600)} h`;
  return `${sign}${Math.round(seconds / 86_400)} d`;
}

/** Virtual time: "12.345 s". */
export function timeText(us: number): string {
  return `${(us / 1e6).toFixed(3)} s`;
}

export function stateText(client: Client): string {
  if (client.absent) return 'left out';
  if (!client.running) return 'closed';
  if (client.asleep) return 'asleep';
  if (client.cut_to_node && client.cut_to_client) return 'cut off';
  return client.status === 'closed' ? 'offline' : client.status;
}

const STEPS: Readonly<Record<string, string>> = {
  set: 'writes a note', 'set with ttl': 'writes a note that expires', remove: 'removes a note', 'or add': 'adds a tag',
  'or remove': 'removes a tag', 'counter add': 'counts', unfollow: 'closes and opens a map',
  query: 'asks a question', 'subscribe query': 'follows a question', 'unsubscribe query': 'stops following a question',
  'toggle index': 'makes or drops indexes', 'toggle view': 'makes or drops a view',
  'ask node': 'asks the node a question', 'end ask': 'takes a question to the node back', reset: 'connection breaks',
  'half-open': 'connection breaks, one side is not told', partition: 'cut off', 'one-way': 'one direction is cut',
  'slow-reader': 'stops reading', offline: 'goes offline', 'tab-kill': 'is killed', 'tab-sleep': 'falls asleep',
  quota: 'has a full storage', wipe: 'loses its storage', clone: 'is overwritten by a copy', 'row-damage': 'has a damaged row',
  'clock-step': 'has its clock set', 'node-crash': 'crashes', 'node-power': 'loses power', 'node-pause': 'stands still',
  freeze: 'stands still', 'instance-end': 'ends without a word',
  'node-clock': 'has its clock set', 'disk-full': 'has a full disk', 'disk-hang': 'has a disk that hangs',
};

/** A line of the log; nothing for what is not worth one. */
export function happeningText(happening: Happening, world: World): string | null {
  switch (happening.event) {
    case 'healing':
      return 'The world heals; now everybody has to come to agree';
    case 'step': {
      const who = happening.of_node ? 'Server' : clientName(happening.actor, world);
      return `${who} ${STEPS[happening.kind] ?? happening.kind}`;
    }
    case 'step_end': {
      const who = happening.of_node ? 'Server' : clientName(happening.actor, world);
      return `${who}: ${happening.kind} is over`;
    }
    case 'frame': {
      if (!happening.lost) return null;
      const who = clientName(happening.client, world);
      return `A frame ${happening.to_node ? 'from' : 'to'} ${who} is lost (${happening.messages.join(', ')})`;
    }
    case 'durable':
      return null;
  }
}

/** The step of a scenario in a sentence, for a shrunk case. */
export function stepText(step: { kind: string; actor: number; of_node: boolean; b: string; fault: boolean }): string {
  const who = step.of_node ? 'The server' : `Client ${step.actor + 1}`;
  const lasts = step.fault && step.b !== '0' ? ` for ${(Number(step.b) / 1000).toFixed(1)} s` : '';
  return `${who} ${STEPS[step.kind] ?? step.kind}${lasts}`;
}
