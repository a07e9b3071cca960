import { Command, MapKind, splitRequest } from '../../src/bindings/commands.js';
import { EngineTrapped, type Engine, type EngineFactory } from '../../src/bindings/engine.js';
import { ByteReader } from '../../src/bindings/reader.js';

/** Bytes of the engine protocol, written without regard for speed. */
class Out {
  private readonly bytes: number[] = [];

  u8(value: number): this {
    this.bytes.push(value & 0xff);
    return this;
  }

  fixed(value: number, width: number): this {
    for (let i = 0; i < width; i++) this.u8(Math.floor(value / 2 ** (8 * i)) % 256);
    return this;
  }

  varint(value: number): this {
    for (; value >= 128; value = Math.floor(value / 128)) this.u8((value % 128) | 128);
    return this.u8(value);
  }

  raw(bytes: Uint8Array): this {
    for (const byte of bytes) this.u8(byte);
    return this;
  }

  text(text: string): this {
    const bytes = new TextEncoder().encode(text);
    return this.varint(bytes.length).raw(bytes);
  }

  sized(part: Out): this {
    return this.fixed(part.bytes.length, 4).raw(part.take());
  }

  take(): Uint8Array {
    return Uint8Array.from(this.bytes);
  }
}

interface OpenMap {
  readonly kind: MapKind;
  readonly name: string;
}

/**
 * A stand-in for the core that keeps LWW maps as plain rows and merges nothing, so that the faults of
 * an engine can be staged: traps, refusals, events at chosen moments. Everything that concerns maps
 * and syncing is tested with the real core.
 */
export class FakeEngine implements Engine {
  /** Commands seen, by code. */
  readonly seen: number[] = [];
  /** Called before each command; may throw `EngineTrapped` or return an error code. */
  onCommand: (code: number, key: string) => number | undefined = () => undefined;
  private readonly rows = new Map<string, Uint8Array>();
  private readonly maps = new Map<number, OpenMap>();
  private events = new Out();
  private transactions = 0;
  private sequence = 0;

  exec(request: Uint8Array): Uint8Array {
    const response = new Out();
    const changed = new Map<string, Uint8Array | undefined>();
    for (const command of splitRequest(request)) {
      const reader = new ByteReader(command, 4);
      const code = reader.u8();
      this.seen.push(code);
      const answer = new Out();
      const error = this.run(code, reader, changed, answer);
      response.sized(new Out().fixed(error, 2).raw(answer.take()));
    }
    if (changed.size > 0) this.persist(changed);
    return response.take();
  }

  poll(): Uint8Array {
    const events = this.events.take();
    this.events = new Out();
    return events;
  }

  close(): void {
    this.rows.clear();
  }

  /** An event that the next poll returns. */
  emit(code: number, write: (out: Out) => void): void {
    const event = new Out().u8(code);
    write(event);
    this.events.sized(event);
  }

  private run(
    code: number,
    reader: ByteReader,
    changed: Map<string, Uint8Array | undefined>,
    answer: Out,
  ): number {
    switch (code) {
      case Command.LoadRow:
        this.rows.set(reader.text(), reader.blob().slice());
        return 0;
      case Command.Start:
        answer.fixed(0x1234, 8).u8(1);
        return 0;
      case Command.OpenMap:
        this.open(reader.varint(), { kind: reader.u8() as MapKind, name: reader.text() });
        return 0;
      case Command.Set:
      case Command.Remove:
        return this.write(code, reader, changed);
      case Command.LastSequence:
        answer.varint(this.sequence).varint(this.sequence);
        return 0;
      default:
        return this.onCommand(code, '') ?? 0;
    }
  }

  private write(
    code: number,
    reader: ByteReader,
    changed: Map<string, Uint8Array | undefined>,
  ): number {
    const map = this.maps.get(reader.varint());
    const key = reader.text();
    const error = this.onCommand(code, key);
    if (error !== undefined) return error;
    const row = `${map?.name}/${key}`;
    if (code === Command.Set) reader.varint();
    const value = code === Command.Set ? reader.raw(reader.end - reader.offset).slice() : undefined;
    if (value === undefined) this.rows.delete(row);
    else this.rows.set(row, value);
    changed.set(row, value);
    this.sequence++;
    return 0;
  }

  private open(handle: number, map: OpenMap): void {
    this.maps.set(handle, map);
    for (const [row, value] of this.rows) {
      const prefix = `${map.name}/`;
      if (!row.startsWith(prefix)) continue;
      this.emit(1, (out) =>
        out.varint(handle).text(row.slice(prefix.length)).u8(1).fixed(0, 8).raw(value),
      );
    }
    this.emit(4, (out) => out.varint(handle));
  }

  private persist(changed: ReadonlyMap<string, Uint8Array | undefined>): void {
    const puts = [...changed].filter(([, value]) => value !== undefined);
    const deletes = [...changed.keys()].filter((row) => changed.get(row) === undefined);
    this.emit(13, (out) => {
      out.varint(++this.transactions).varint(puts.length);
      for (const [row, value] of puts) out.text(row).varint(value!.length).raw(value!);
      out.varint(deletes.length);
      for (const row of deletes) out.text(row);
    });
  }
}

/** Makes fake engines and remembers them, newest last. */
export class FakeFactory implements EngineFactory {
  readonly kind = 'wasm';
  readonly engines: FakeEngine[] = [];
  /** Prepares each engine before it is used. */
  prepare: (engine: FakeEngine, count: number) => void = () => undefined;

  async create(): Promise<Engine> {
    const engine = new FakeEngine();
    this.engines.push(engine);
    this.prepare(engine, this.engines.length);
    return engine;
  }

  get current(): FakeEngine {
    return this.engines[this.engines.length - 1]!;
  }
}

export function trap(): never {
  throw new EngineTrapped('staged');
}
