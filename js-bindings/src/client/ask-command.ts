import { ByteWriter } from '../bindings/byte-writer.js';
import type { Command, CommandAnswer } from '../bindings/commands.js';
import type { EngineHost } from './engine-host.js';

/** Numbers of the events about queries that the node answers. */
export const NodeEvent = { Answer: 33, Steps: 34, Failed: 35 } as const;

/** Runs a command about a query that the node answers, by the number that the engine shall know it by. */
export function askCommand(
  host: EngineHost,
  code: Command,
  number: number,
  rest: Uint8Array,
  visit: (answer: CommandAnswer) => void,
): void {
  const command = new ByteWriter(rest.length + 16);
  command.u8(code);
  command.varint(number);
  command.raw(rest);
  const bytes = command.writer.take();
  const sized = new ByteWriter(bytes.length + 4);
  sized.u32(bytes.length);
  sized.raw(bytes);
  host.runAside((buffer) => buffer.appendEncoded(sized.writer.take()), visit, false);
}
