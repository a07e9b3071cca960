import { Command } from '../bindings/commands.js';
import type { ByteReader } from '../bindings/reader.js';
import { ErrorCode, TopGunError, errorFromCode } from '../errors.js';
import { IndexKind, type OrderPart, type QueryWriter, type Relation } from './encode.js';
import type { EngineLink } from './engine-link.js';

/** An index as it was declared. */
export interface Index {
  readonly name: string;
  readonly kind: IndexKind;
  readonly parts: readonly OrderPart[];
}

/** An index as it stands in the engine. */
export interface IndexState {
  readonly name: string;
  readonly kind: IndexKind;
  /** The fields, those in descending order with `-`. */
  readonly on: readonly string[];
  readonly ready: boolean;
  readonly bytes: number;
}

interface Declared {
  readonly relation: Relation;
  readonly index: Index;
  ready: boolean;
  readonly waiting: { resolve(): void; reject(error: TopGunError): void }[];
}

/** The indexes that the application declared, for every engine that answers in turn. */
export class Indexes {
  private readonly link: EngineLink;
  private readonly address: (writer: QueryWriter, relation: Relation) => void;
  private readonly declared = new Map<string, Declared>();
  private readonly built: Declared[] = [];

  /** `address` writes which relation a command is about. */
  constructor(link: EngineLink, address: (writer: QueryWriter, relation: Relation) => void) {
    this.link = link;
    this.address = address;
  }

  /** Resolves when the index is built. */
  create(relation: Relation, index: Index): Promise<void> {
    const id = idOf(relation.name, index.name);
    let declared = this.declared.get(id);
    if (declared !== undefined && JSON.stringify(declared.index) !== JSON.stringify(index)) {
      const error = new TopGunError(ErrorCode.InvalidArgument, `there is another index ${index.name}`);
      return Promise.reject(error);
    }
    if (declared?.ready === true) return Promise.resolve();
    const isNew = declared === undefined;
    const entry = (declared ??= { relation, index, ready: false, waiting: [] });
    this.declared.set(id, entry);
    const done = new Promise<void>((resolve, reject) => entry.waiting.push({ resolve, reject }));
    if (isNew) this.declare(entry);
    return done;
  }

  drop(relation: Relation, name: string): void {
    const id = idOf(relation.name, name);
    const declared = this.declared.get(id);
    if (declared === undefined) throw new TopGunError(ErrorCode.InvalidArgument, `no index ${name}`);
    const fill = (writer: QueryWriter): void => {
      this.address(writer, relation);
      writer.text(name);
    };
    this.link.ask(Command.DropIndex, fill, () => undefined);
    this.declared.delete(id);
    settle(declared, new TopGunError(ErrorCode.Closed, `the index ${name} was dropped`));
  }

  list(relation: Relation): IndexState[] {
    return this.link.ask(Command.Indexes, (writer) => this.address(writer, relation), readStates);
  }

  /** Another engine answers from now on. */
  attach(): void {
    for (const declared of this.declared.values()) this.declare(declared);
  }

  /** The view is gone, and with it what was declared over it. */
  forget(relation: string): void {
    for (const [id, declared] of this.declared) if (declared.relation.name === relation) this.declared.delete(id);
  }

  indexReady(payload: ByteReader): void {
    const declared = this.declared.get(idOf(payload.text(), payload.text()));
    if (declared !== undefined) this.built.push(declared);
  }

  notify(): void {
    for (const declared of this.built.splice(0)) {
      declared.ready = true;
      settle(declared, undefined);
    }
  }

  private declare(declared: Declared): void {
    const { relation, index } = declared;
    const fill = (writer: QueryWriter): void => {
      this.address(writer, relation);
      writer.index(index.name, index.kind, index.parts, relation.shape);
    };
    this.link.tell(Command.AddIndex, fill, ({ error }) => {
      if (error === 0) return;
      this.declared.delete(idOf(relation.name, index.name));
      settle(declared, errorFromCode(error, `the index ${index.name}`));
    });
  }
}

function idOf(relation: string, index: string): string {
  return JSON.stringify([relation, index]);
}

function settle({ waiting }: Declared, error: TopGunError | undefined): void {
  for (const { resolve, reject } of waiting.splice(0)) {
    if (error === undefined) resolve();
    else reject(error);
  }
}

function readStates(answer: ByteReader): IndexState[] {
  const kinds = Object.entries(IndexKind) as [IndexKind, number][];
  return Array.from({ length: answer.varint() }, () => {
    const name = answer.text();
    const number = answer.u8();
    const kind = kinds.find(([, each]) => each === number)?.[0] ?? 'ordered';
    const on = Array.from({ length: answer.varint() }, () => {
      const field = readField(answer);
      return answer.u8() === 0 ? field : `-${field}`;
    });
    return { name, kind, on, ready: answer.u8() !== 0, bytes: answer.varint() };
  });
}

function readField(answer: ByteReader): string {
  if (answer.u8() !== 0) return '$key';
  return Array.from({ length: answer.varint() }, () => answer.text()).join('.');
}
