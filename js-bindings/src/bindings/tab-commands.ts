import { Command, TAB_BYTES, skipToMap, type CommandBuffer } from './commands.js';
import { ByteReader } from './reader.js';

// The commands that only tabs need which follow or lead; apart, because most pages never load them.

/** `TabCursor` or `ForgetTab`, of a tab's 16 bytes. */
export function onTab(buffer: CommandBuffer, code: Command, tab: Uint8Array): void {
  const start = buffer.begin(code);
  buffer.raw(tab);
  buffer.finish(start);
}

/** Whether local writes of a map are reported, too. */
export function watch(buffer: CommandBuffer, map: number, on: boolean): void {
  const start = buffer.begin(Command.Watch);
  buffer.varint(map);
  buffer.u8(on ? 1 : 0);
  buffer.finish(start);
}

/** A write as another buffer encoded it, to be executed once for a tab. */
export function relay(buffer: CommandBuffer, tab: Uint8Array, number: number, write: Uint8Array): void {
  const start = buffer.begin(Command.Relay);
  buffer.raw(tab);
  buffer.varint(number);
  buffer.raw(write.subarray(4));
  buffer.finish(start);
}

/** A `Relay` command as another buffer encoded it, but with our handle of its map. */
export function relayTo(buffer: CommandBuffer, map: number, relayed: Uint8Array): void {
  const reader = new ByteReader(relayed);
  skipToMap(reader);
  const start = buffer.begin(Command.Relay);
  buffer.raw(relayed.subarray(5, reader.offset));
  buffer.varint(map);
  reader.varint();
  buffer.raw(relayed.subarray(reader.offset));
  buffer.finish(start);
}

/** The number of a `Relay` command. */
export function relayNumber(relayed: Uint8Array): number {
  return new ByteReader(relayed, 5 + TAB_BYTES).varint();
}
