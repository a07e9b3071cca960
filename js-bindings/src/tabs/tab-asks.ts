import { Command } from '../bindings/commands.js';
import { ByteWriter } from '../bindings/byte-writer.js';
import type { QueryEvent } from '../bindings/events.js';
import { ByteReader } from '../bindings/reader.js';
import { NodeEvent, askCommand } from '../client/ask-command.js';
import type { EngineHost } from '../client/engine-host.js';

/** Queries of other tabs have numbers above those of our own. */
const FIRST_NUMBER = 2 ** 40;

interface TabAsk {
  readonly tab: string;
  /** As the tab knows it. */
  readonly number: number;
}

/** The queries that other tabs have the node answer through our connection. */
export class TabAsks {
  private readonly host: EngineHost;
  private readonly tell: (tab: string, number: number, code: number, payload: Uint8Array) => void;
  private last = FIRST_NUMBER;
  private readonly asks = new Map<number, TabAsk>();

  constructor(host: EngineHost, tell: (tab: string, number: number, code: number, payload: Uint8Array) => void) {
    this.host = host;
    this.tell = tell;
  }

  execute(tab: string, { code, number, rest }: { code: Command; number: number; rest: Uint8Array }): void {
    if (code === Command.EndAsk) return this.end((ask) => ask.tab === tab && ask.number === number);
    if (code !== Command.AskNode) return;
    const ours = ++this.last;
    this.asks.set(ours, { tab, number });
    askCommand(this.host, code, ours, rest, ({ error }) => {
      if (error === 0) return;
      this.asks.delete(ours);
      const payload = new ByteWriter();
      payload.u8(error & 0xff);
      payload.u8(error >> 8);
      payload.text('a query for the node');
      this.tell(tab, number, NodeEvent.Failed, payload.writer.take());
    });
  }

  /** True if the event is about one of these queries: it is passed on. */
  takes({ code, payload: { bytes, offset, end } }: QueryEvent): boolean {
    if (code < NodeEvent.Answer) return false;
    const payload = new ByteReader(bytes, offset, end);
    const ours = payload.varint();
    if (ours < FIRST_NUMBER) return false;
    const ask = this.asks.get(ours);
    if (ask === undefined) return true;
    if (code === NodeEvent.Failed) this.asks.delete(ours);
    this.tell(ask.tab, ask.number, code, bytes.slice(payload.offset, end));
    return true;
  }

  /** The tab is gone, or asks everything anew. */
  forget(tab: string): void {
    this.end((ask) => ask.tab === tab);
  }

  /** The engine is lost, and with it what it was asked. */
  clear(): void {
    this.asks.clear();
  }

  private end(matches: (ask: TabAsk) => boolean): void {
    for (const [ours, ask] of [...this.asks]) {
      if (!matches(ask)) continue;
      this.asks.delete(ours);
      askCommand(this.host, Command.EndAsk, ours, new Uint8Array(), () => undefined);
    }
  }
}
