import type { Command, CommandAnswer } from '../bindings/commands.js';
import type { ByteReader } from '../bindings/reader.js';
import type { EngineHost } from '../client/engine-host.js';
import { ErrorCode, TopGunError, errorFromCode } from '../errors.js';
import { QueryWriter } from './encode.js';

type Fill = (writer: QueryWriter) => void;

/** The engine that answers queries at the moment: that of the replica, or of a tab that follows. */
export class EngineLink {
  host: EngineHost | undefined;

  get attached(): boolean {
    return this.host?.attached === true;
  }

  /** Runs a command and returns what it answers; throws what it is refused with. */
  ask<T>(code: Command, fill: Fill, read: (answer: ByteReader) => T): T {
    if (!this.attached) throw new TopGunError(ErrorCode.NotReady, 'no engine to ask');
    let refused = 0;
    let value: T | undefined;
    // An answer that says nothing is not visited.
    this.tell(code, fill, ({ error, payload }) => {
      refused = error;
      if (error === 0) value = read(payload);
    });
    if (refused !== 0) throw errorFromCode(refused);
    return value as T;
  }

  /** Runs a command. Without an engine nothing happens: whoever attaches one begins anew. */
  tell(code: Command, fill: Fill, visit: (answer: CommandAnswer) => void): void {
    const command = QueryWriter.command(code, fill);
    this.host?.runAside((buffer) => buffer.appendEncoded(command), visit, false);
  }
}
