import { Command, payloadAfterKey, writeTarget, type WriteTarget } from '../bindings/commands.js';
import type { ByteReader } from '../bindings/reader.js';
import type { MapEvent } from '../client/collection.js';
import { ErrorCode, TopGunError } from '../errors.js';

/** Bytes of commands that a follower keeps while its leader neither executes nor stores them. */
const KEPT_BYTES_MAX = 64 << 20;

/** One write of this tab, from the call to the moment at which it is stored. */
export interface OwnCommand {
  readonly number: number;
  /** A `Relay` command with our handles. */
  readonly bytes: Uint8Array;
  readonly target: WriteTarget;
  /** Wants what the engine answers. */
  receive: ((payload: ByteReader) => void) | undefined;
}

/** A key whose mirror shows writes that the leader has not executed yet. */
interface Contested {
  count: number;
  /** What those writes add up to, for counters. */
  amount: bigint;
  /** The newest of what the leader said meanwhile, by element. */
  readonly withheld: Map<string, MapEvent>;
}

/**
 * The writes of a follower that are still on their way, and what they do to the leader's events: an
 * event of a key that has own writes to come is older than these, so it is withheld until they are
 * executed; counters take the event and add their own steps to come.
 */
export class OwnCommands {
  /** Not executed by the present leader, oldest first. */
  private waiting: OwnCommand[] = [];
  /** Executed and not stored, oldest first; all of them older than those that wait. */
  private executed: OwnCommand[] = [];
  private bytes = 0;
  private readonly contested = new Map<number, Map<string, Contested>>();

  /** Everything that may have to be sent again, oldest first. */
  get all(): readonly OwnCommand[] {
    return [...this.executed, ...this.waiting];
  }

  /** Those that the present leader has not executed, oldest first. */
  get unexecuted(): readonly OwnCommand[] {
    return this.waiting;
  }

  /** True if one of them writes to this map. */
  concern(map: number): boolean {
    return this.all.some(({ target }) => target.map === map);
  }

  /** Throws `LimitExceeded` when too much waits for a leader that does not answer. */
  checkRoom(): void {
    if (this.bytes < KEPT_BYTES_MAX) return;
    throw new TopGunError(ErrorCode.LimitExceeded, 'the tab that holds the store does not answer');
  }

  add(number: number, bytes: Uint8Array, receive: OwnCommand['receive']): void {
    const command: OwnCommand = { number, bytes, target: writeTarget(bytes)!, receive };
    this.waiting.push(command);
    this.bytes += bytes.length;
    this.contest(command);
  }

  /**
   * Commands up to `number` were executed. Returns those that were waiting for it, which are passed to
   * `release`, the last one first, when the events of the turn were.
   */
  execute(number: number): OwnCommand[] {
    const done = this.waiting.findIndex((command) => command.number > number);
    const commands = this.waiting.splice(0, done < 0 ? this.waiting.length : done);
    for (const command of commands) {
      this.executed.push(command);
      const contested = this.find(command.target);
      if (contested === undefined) continue;
      contested.amount -= amountOf(command);
      contested.count--;
    }
    return commands;
  }

  /** The command was refused: it has no effect, and is not sent again. */
  drop(number: number): void {
    this.removeExecuted((command) => command.number === number);
  }

  /** Commands up to `number` need not be sent again, whatever happens. */
  stored(number: number): void {
    this.removeExecuted((command) => command.number <= number);
  }

  /** A leader has executed commands up to `number`; all others are still to come. */
  reset(number: number): void {
    const { all } = this;
    this.executed = all.filter((command) => command.number <= number);
    this.waiting = all.filter((command) => command.number > number);
    this.contested.clear();
    for (const command of this.waiting) this.contest(command);
  }

  /** What was withheld of this map is part of what its mirror was just loaded with. */
  reloaded(map: number): void {
    for (const contested of this.contested.get(map)?.values() ?? []) contested.withheld.clear();
  }

  /** The event as the mirror may show it now, if it may. */
  admit(event: MapEvent): MapEvent | undefined {
    const contested = this.find(event);
    if (contested === undefined) return event;
    if (event.type === 'counter') return { ...event, value: event.value + contested.amount };
    contested.withheld.set(event.type === 'element' ? event.tag : '', event);
    return undefined;
  }

  /**
   * What was withheld for the key of `last`, an own write that was executed; nothing while there are
   * others to come, or once it was released.
   */
  release(last: OwnCommand): MapEvent[] {
    const { map, key } = last.target;
    const contested = this.find(last.target);
    if (contested === undefined || contested.count > 0) return [];
    this.contested.get(map)?.delete(key);
    return [...contested.withheld.values()].filter((event) => !isEcho(event, last));
  }

  private find({ map, key }: { map: number; key: string }): Contested | undefined {
    return this.contested.get(map)?.get(key);
  }

  private contest(command: OwnCommand): void {
    const { map, key } = command.target;
    let keys = this.contested.get(map);
    if (keys === undefined) this.contested.set(map, (keys = new Map()));
    let contested = keys.get(key);
    if (contested === undefined) {
      keys.set(key, (contested = { count: 0, amount: 0n, withheld: new Map() }));
    }
    contested.count++;
    contested.amount += amountOf(command);
  }

  private removeExecuted(done: (command: OwnCommand) => boolean): void {
    this.executed = this.executed.filter((command) => {
      if (!done(command)) return true;
      this.bytes -= command.bytes.length;
      return false;
    });
  }
}

function amountOf({ target, bytes }: OwnCommand): bigint {
  if (target.code !== Command.CounterAdd) return 0n;
  return BigInt.asIntN(64, payloadAfterKey(bytes).bigU64());
}

/** True if the event says no more than what the mirror has shown since the own write. */
function isEcho(event: MapEvent, { target, bytes }: OwnCommand): boolean {
  if (event.type !== 'entry' || event.value === undefined || event.expiresAtMs !== 0) return false;
  if (target.code !== Command.Set) return false;
  const own = payloadAfterKey(bytes);
  own.varint();
  const { value } = event;
  if (own.end - own.offset !== value.length) return false;
  for (let i = 0; i < value.length; i++) {
    if (own.bytes[own.offset + i] !== value.bytes[value.offset + i]) return false;
  }
  return true;
}
