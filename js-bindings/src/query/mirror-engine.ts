import { Command, Stores } from '../bindings/commands.js';
import type { EngineFactory } from '../bindings/engine.js';
import type { EngineEvent } from '../bindings/events.js';
import { EngineHost, type EngineHostDelegate } from '../client/engine-host.js';
import type { LwwMap } from '../client/lww-map.js';
import type { QueryTap } from '../client/query-tap.js';
import { WakeTimer } from '../client/wake-timer.js';
import { QueryWriter } from './encode.js';

/** Records that are handed over in one request. */
const BATCH_MAX = 1024;

/**
 * The engine of a tab that follows another: it has no storage and no connection, holds what the
 * mirrors of the queried maps show, and only answers queries.
 */
export class MirrorEngine implements EngineHostDelegate {
  readonly host = new EngineHost(this);
  private readonly queries: QueryTap;
  private readonly maps = new Map<number, () => void>();
  private readonly timer = new WakeTimer(() => this.host.tell((buffer) => buffer.plain(Command.Tick)));
  private readonly lost: () => void;

  private constructor(queries: QueryTap, lost: () => void) {
    this.queries = queries;
    this.lost = lost;
  }

  /** `lost` is called if the engine traps; it is of no use then. */
  static async open(factory: EngineFactory, queries: QueryTap, lost: () => void): Promise<MirrorEngine> {
    const engine = await factory.create();
    const mirror = new MirrorEngine(queries, lost);
    mirror.host.attach(engine);
    const seed = crypto.getRandomValues(new Uint8Array(16));
    mirror.host.tell((buffer) => {
      buffer.open(seed, 0n, 0, Stores.Never);
      buffer.plain(Command.Start);
    });
    return mirror;
  }

  /** From now on the engine holds what the map shows. */
  follow(handle: number, map: LwwMap<unknown>): void {
    if (this.maps.has(handle)) return;
    this.maps.set(handle, () => undefined);
    this.host.tell((buffer) => buffer.openMap(handle, map.kind, map.name));
    this.take(handle, map, [...map.keys()]);
    // Listeners may write, and be called before this one: what counts is what the map shows by now.
    const stop = map.subscribe((changes) => this.take(handle, map, changes.map(({ key }) => key)));
    this.maps.set(handle, stop);
  }

  close(): void {
    for (const stop of this.maps.values()) stop();
    this.maps.clear();
    this.timer.stop();
    this.host.detach();
  }

  private take(handle: number, map: LwwMap<unknown>, keys: readonly string[]): void {
    for (let i = 0; i < keys.length; i += BATCH_MAX) {
      this.host.tell((buffer) => {
        for (const key of keys.slice(i, i + BATCH_MAX)) {
          const value = map.peek(key);
          buffer.appendEncoded(
            QueryWriter.command(Command.Mirror, (writer) => {
              writer.varint(handle);
              writer.text(key);
              writer.u8(value === undefined ? 0 : 1);
              if (value !== undefined) writer.plainValue(value);
            }),
          );
        }
      });
    }
  }

  // EngineHostDelegate

  applyEvent(event: EngineEvent): void {
    if (event.type === 'query') this.queries.applyEvent(event.code, event.payload);
    else if (event.type === 'wake') this.timer.wakeAt(event.atMs);
  }

  runEffects(): void {}

  notify(): void {
    this.queries.notify();
  }

  commandFailed(): void {
    // A map was closed meanwhile: nobody asks for it any more.
  }

  engineLost(): void {
    this.close();
    this.lost();
  }
}
