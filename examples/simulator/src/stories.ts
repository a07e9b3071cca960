// Five stories. Each is a list of steps that drive the real simulator; what they claim is awaited, so a
// story that is not true any more does not end.

import type { Director } from './director.js';
import { doing, ending, HOUR_MS, settingClock } from './hands.js';
import { StepKind, type World } from './types.js';

export interface StoryStep {
  /** What the reader is told before and while it happens. */
  readonly text: string;
  readonly go?: (director: Director) => Promise<void>;
}

export interface Story {
  readonly id: string;
  readonly title: string;
  readonly teaser: string;
  readonly steps: readonly StoryStep[];
}

const ADA = 0;
const BEN = 1;
const CLEO = 2;
const DAY_MS = 24 * HOUR_MS;
/** With this seed the power fails in such a way that the write is gone. */
const SEED_OF_LOSS = 3;
const SEED = 7;

const sameNote = (world: World, key: number): boolean => new Set(world.clients.map(({ cells }) => cells[key])).size === 1;
const noteOf = (world: World, client: number, key: number): number => world.clients[client]?.cells[key] ?? 0;

const offline: Story = {
  id: 'offline',
  title: 'In the tunnel',
  teaser: 'Three people write, one of them without a network. Nothing is lost.',
  steps: [
    {
      text: 'Ada, Ben and Cleo share a list. Each device keeps all of it: the squares are its notes, a colour for each text. The server in the middle keeps it, too, and passes news on.',
      go: (director) => director.openQuietWorld(SEED),
    },
    {
      text: 'Ada writes her first note. It shows on her own device at once. Then it travels to the server, goes to its disk, and on to Ben and Cleo. When “saved” comes back to Ada, the server has it for good.',
      async go(director) {
        director.point(ADA);
        await director.do(StepKind.Set, ADA, 0);
        await director.untilAllAgree();
      },
    },
    {
      text: 'Ada’s train enters a tunnel. Her connection is cut; nothing gets through in either direction.',
      async go(director) {
        director.point(ADA);
        await director.do(StepKind.Partition, ADA);
        await director.pass(500);
      },
    },
    {
      text: 'She goes on writing all the same: the second note, and the third. A little later Ben changes the third note as well, and adds a fourth. Nobody waits for anybody.',
      async go(director) {
        await director.do(StepKind.Set, ADA, 1);
        await director.do(StepKind.Set, ADA, 2);
        await director.pass(800);
        director.point(BEN);
        await director.do(StepKind.Set, BEN, 2);
        await director.do(StepKind.Set, BEN, 3);
        await director.until((world) => noteOf(world, CLEO, 3) !== 0 && isSaved(world, BEN));
        director.note('Ada’s device and the others now differ: look at the third square.');
      },
    },
    {
      text: 'The tunnel ends. The devices compare what they have, and each gets what it lacks.',
      async go(director) {
        director.point(ADA);
        const bens = noteOf(director.world, BEN, 2);
        await director.end(StepKind.Partition, ADA);
        await director.untilAllAgree();
        if (noteOf(director.world, ADA, 2) !== bens) throw new Error('the earlier write won');
        director.note('Four notes, everywhere. Of the third, which both had written, the later version won – on every device alike.');
      },
    },
    {
      text: 'Which write is the later one is decided by time stamps that travel with the data, not by who reaches the server first. So every device decides alike, without asking. The list on the right says what was checked meanwhile.',
    },
  ],
};

const isSaved = (world: World, client: number): boolean => world.clients[client]?.unacked === 0;
const logIsUnsynced = ({ node }: World): boolean => node.files.some(({ path, unsynced }) => path.endsWith('.log') && unsynced > 0);

const power: Story = {
  id: 'power',
  title: 'Pulling the plug',
  teaser: 'The power fails between writing and saving. Who lied?',
  steps: [
    {
      text: 'When a program writes to a file, the operating system says “done” – and keeps the bytes in memory for a while. Only a sync brings them to the disk. Watch the boxes below the server: those are its files.',
      async go(director) {
        await director.openQuietWorld(SEED_OF_LOSS);
        director.point('disk');
      },
    },
    {
      text: 'Ada writes a note. We stop at the very moment when the server has written it to its log, and has not synced it yet: the log’s box turns amber. The server says “got it”, which is no promise.',
      async go(director) {
        await director.do(StepKind.Set, ADA, 0);
        await director.untilExactly(logIsUnsynced);
        director.point('disk');
        director.note('The server has the note, and Ada’s device still says “unsaved”: the server has not promised anything yet.');
      },
    },
    {
      text: 'Now the power fails. Of what was not synced, a disk may keep everything, nothing, or half of it.',
      async go(director) {
        director.point('server');
        await director.do(StepKind.NodePower);
        await director.pass(300);
      },
    },
    {
      text: 'The power is back. The server reads its disk, finds where the log ends, and starts.',
      async go(director) {
        await director.end(StepKind.NodeCrash);
        if (director.world.node.entries > 0) throw new Error('the note survived');
        director.note('The note is gone from the server. But it was never said to be saved, and Ada’s device still has it.');
      },
    },
    {
      text: 'Ada’s device keeps a write until the server confirms it. It notices that the connection is dead, connects again, and sends what is not confirmed.',
      async go(director) {
        director.point(ADA);
        await director.untilAllAgree();
        director.note('Saved – this time really: the log was synced before the word went out.');
      },
    },
    {
      text: 'This is the promise “Saved means saved”. A server that says “saved” one line too early looks just as good, until the power fails. In the last story somebody plants that very bug.',
    },
  ],
};

const twice: Story = {
  id: 'twice',
  title: 'Twice, and in the wrong order',
  teaser: 'A message arrives two times, and an old one after a new one.',
  steps: [
    {
      text: 'Networks lose the end of a conversation, and they deliver late. So programs send again – and then things arrive twice.',
      go: (director) => director.openQuietWorld(SEED),
    },
    {
      text: 'Ada counts one up. The step has reached the server, and the answer is on its way to her…',
      async go(director) {
        director.point(ADA);
        await director.do(StepKind.CounterAdd, ADA, 0, 10);
        await director.untilExactly(({ in_flight }) => in_flight.some(({ client, to_node, messages }) => client === ADA && !to_node && messages.includes('ack')));
      },
    },
    {
      text: '…when the connection breaks. The answer is lost. Did the step arrive? Ada’s device cannot know. Counting again might count twice, not counting might lose a step.',
      async go(director) {
        await director.do(StepKind.Cut, ADA);
        if (isSaved(director.world, ADA)) throw new Error('the answer arrived');
        director.note('One step “unsaved”, although the server has it.');
      },
    },
    {
      text: 'It sends the step again, with the same number as before. Each device numbers its writes; the server has seen this number, and knows that it is the same step.',
      async go(director) {
        await director.until(({ in_flight }) => in_flight.some(({ client, messages }) => client === ADA && messages.includes('operations')));
        await director.untilAllAgree();
        director.note('It came twice and counted once. “Once, not twice” is checked for every write of every run.');
      },
    },
    {
      text: 'Now the order. Ada writes a note, but her line is blocked. Then Ben writes the same note, and his arrives first.',
      async go(director) {
        await director.act(doing(StepKind.Partition, ADA, 1));
        await director.do(StepKind.Set, ADA, 0);
        await director.pass(400);
        director.point(BEN);
        await director.do(StepKind.Set, BEN, 0);
        await director.until((world) => isSaved(world, BEN));
      },
    },
    {
      text: 'Ada’s line is free again, and the older note arrives after the newer one.',
      async go(director) {
        const bens = noteOf(director.world, BEN, 0);
        await director.act(ending(StepKind.Partition, ADA));
        await director.untilAllAgree();
        if (noteOf(director.world, ADA, 0) !== bens || !sameNote(director.world, 0)) throw new Error('the older note won');
        director.note('Ben’s note stays: it is the later one, whenever the other arrives.');
      },
    },
  ],
};

const clocks: Story = {
  id: 'clocks',
  title: 'A clock that lies',
  teaser: 'Later wins – but one clock is ahead, and one goes backwards.',
  steps: [
    {
      text: 'If the later write wins, somebody with a clock that is ahead could win for ever. Ben’s clock is 30 seconds ahead.',
      async go(director) {
        await director.openQuietWorld(SEED);
        await director.act(settingClock(BEN, 30_000));
        director.point(BEN);
        await director.pass(100);
      },
    },
    {
      text: 'Ben writes a note. Its time stamp lies half a minute in the future.',
      async go(director) {
        await director.do(StepKind.Set, BEN, 0);
        await director.untilAllAgree();
      },
    },
    {
      text: 'Two seconds later Ada, whose clock is right, writes the same note. By the clocks alone, hers is the older one.',
      async go(director) {
        const bens = noteOf(director.world, BEN, 0);
        await director.pass(2_000, 10);
        director.point(ADA);
        await director.do(StepKind.Set, ADA, 0);
        await director.untilAllAgree();
        if (noteOf(director.world, BEN, 0) === bens) throw new Error('the wrong clock won');
        director.note('Ada’s note won. Her device had seen Ben’s stamp, and makes every stamp of its own greater than all it has seen: a hybrid logical clock.');
      },
    },
    {
      text: 'What if the clock is a whole day ahead? Then everybody’s stamps would be dragged into the future. The server takes none that is more than a minute ahead; and a device learns from the server how far off it is.',
      async go(director) {
        await director.act(settingClock(BEN, DAY_MS));
        director.point(BEN);
        await director.do(StepKind.Set, BEN, 0);
        await director.untilAllAgree();
        director.note('Ben’s write arrived with a stamp that fits: his device corrected itself.');
      },
    },
    {
      text: 'And backwards? Cleo’s clock is set back by a day, and she writes the same note last.',
      async go(director) {
        await director.act(settingClock(CLEO, -DAY_MS));
        director.point(CLEO);
        const before = noteOf(director.world, CLEO, 0);
        await director.do(StepKind.Set, CLEO, 0);
        await director.untilAllAgree();
        if (noteOf(director.world, ADA, 0) === before) throw new Error('the write of the past was lost');
        director.note('Cleo’s write counts: stamps of a device only grow, whatever its clock says.');
      },
    },
  ],
};

const bug: Story = {
  id: 'bug',
  title: 'A bug, caught and made small',
  teaser: 'Somebody changes one line. How long until it is found?',
  steps: [
    {
      text: 'In the second story the server said “saved” only after a sync. Suppose that somebody changes one line, and it says so before. All tests on a sunny day still pass. This build has that bug; it is called ack-before-sync, and it is switched off.',
      go: (director) => director.openQuietWorld(SEED),
    },
    {
      text: 'We switch it on and run worlds: in each, three devices write for a minute while connections break, clocks jump, the power fails. The seed of a world decides all of that, so that every one of them can be run again.',
      async go(director) {
        const caught = await director.huntForBug();
        director.note(`World ${caught.outcome.seed} broke the promise ${caught.outcome.violation?.invariant ?? ''}: ${caught.outcome.violation?.detail ?? ''}.`);
      },
    },
    {
      text: 'This is that world, up to the moment when the promise breaks. Much happens in it, and most of it does not matter.',
      go: (director) => director.watchTheCatch(),
    },
    {
      text: 'So the simulator leaves out one thing after the other – kinds of faults, devices, writes – and runs again. Whatever can go without the bug going away, goes.',
      async go(director) {
        const { shrunk } = await director.shrinkTheCatch();
        director.note(`Left are ${shrunk.operations} of the writes, ${shrunk.clients} of the devices, and ${shrunk.families} of the kinds of faults.`);
      },
    },
    {
      text: 'That is small enough to understand: somebody writes, the server says “saved” and goes down, and after its restart the write is gone. The picture below tells it; every bug that the simulator finds comes with one.',
      go: (director) => director.watchTheSmallCase(),
    },
  ],
};

export const STORIES: readonly Story[] = [offline, power, twice, clocks, bug];
