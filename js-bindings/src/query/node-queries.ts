import { Command, type CommandAnswer } from '../bindings/commands.js';
import type { ByteReader } from '../bindings/reader.js';
import { NodeEvent, askCommand } from '../client/ask-command.js';
import type { EngineHost } from '../client/engine-host.js';
import { ErrorCode, TopGunError, errorFromCode } from '../errors.js';
import { QueryWriter } from './encode.js';

/** What comes of a query that the node answers. Payloads are borrowed. */
export interface NodeListener {
  answered(answer: ByteReader): void;
  changed(steps: ByteReader): void;
  failed(error: TopGunError): void;
}

/** The way to the engine that has the connection, when that is another tab's. */
export interface OtherTab {
  ask(code: Command, number: number, rest: Uint8Array): void;
}

interface Asked {
  readonly live: boolean;
  /** Live or not, map and query, as the command has them behind its number. */
  readonly rest: Uint8Array;
  readonly listener: NodeListener;
}

/**
 * The queries that the node answers for this tab. They are asked by the engine that has the connection,
 * ours or another tab's, and asked again whenever another engine takes over.
 */
export class NodeQueries {
  private numbers = 0;
  private readonly asked = new Map<number, Asked>();
  private host: EngineHost | undefined;
  private readonly otherTab: () => OtherTab | undefined;

  constructor(otherTab: () => OtherTab | undefined) {
    this.otherTab = otherTab;
  }

  /** Asks; `fill` writes the query. Returns a function that ends it. */
  ask(live: boolean, map: string, fill: (writer: QueryWriter) => void, listener: NodeListener): () => void {
    const writer = new QueryWriter();
    writer.u8(live ? 1 : 0);
    writer.text(map);
    fill(writer);
    const number = ++this.numbers;
    const asked = { live, rest: writer.writer.take(), listener };
    this.asked.set(number, asked);
    this.put(number, asked);
    return () => {
      if (this.asked.delete(number)) this.send(Command.EndAsk, number, new Uint8Array());
    };
  }

  /** Our own engine has the connection from now on. */
  attach(host: EngineHost): void {
    this.host = host;
    this.askAgain();
  }

  /** Whoever has the connection knows nothing of us. */
  askAgain(): void {
    for (const [number, asked] of [...this.asked]) this.put(number, asked);
  }

  /** True if the event is about a query of ours. */
  applyEvent(code: number, payload: ByteReader): boolean {
    if (code < NodeEvent.Answer || code > NodeEvent.Failed) return false;
    const number = payload.varint();
    const asked = this.asked.get(number);
    if (asked === undefined) return true;
    if (code === NodeEvent.Steps) {
      asked.listener.changed(payload);
      return true;
    }
    if (code === NodeEvent.Failed || !asked.live) this.asked.delete(number);
    if (code === NodeEvent.Answer) {
      asked.listener.answered(payload);
    } else {
      const error = payload.u16();
      asked.listener.failed(errorFromCode(error, payload.text()));
    }
    return true;
  }

  /** Nobody will answer any more. */
  close(): void {
    const asked = [...this.asked.values()];
    this.asked.clear();
    for (const { listener } of asked) listener.failed(new TopGunError(ErrorCode.Closed, 'the client was closed'));
  }

  private put(number: number, { rest, listener }: Asked): void {
    this.send(Command.AskNode, number, rest, ({ error }) => {
      if (error === 0) return;
      this.asked.delete(number);
      listener.failed(errorFromCode(error, 'a query for the node'));
    });
  }

  /** Without anybody to ask nothing happens: whoever comes is asked everything. */
  private send(
    code: Command,
    number: number,
    rest: Uint8Array,
    visit: (answer: CommandAnswer) => void = () => undefined,
  ): void {
    const otherTab = this.otherTab();
    if (otherTab !== undefined) return otherTab.ask(code, number, rest);
    if (this.host !== undefined) askCommand(this.host, code, number, rest, visit);
  }
}
