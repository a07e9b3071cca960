import type { LwwMap } from '../client/lww-map.js';
import type { RowSources } from './rows.js';

/** Numbers of rows that are gone are forgotten once there are twice as many as the map has, and this many. */
const ROOM = 4096;
/** Questions between two looks at how many there are. */
const QUESTIONS_PER_LOOK = 256;

interface RowsOfMap {
  readonly map: LwwMap<unknown>;
  readonly reloads: number;
  /** By the engine's numbers. */
  readonly rows: object[];
  /** Since the map was looked at. */
  questions: number;
  /** The engine that gave the numbers answers no more, or has been told otherwise. */
  isOver: boolean;
}

/**
 * The rows of maps by the numbers that the engine gave them. It tells a number without a key if the record has not
 * been written since the key was told, so that a known row needs no look into the mirror.
 */
export class KnownRows implements RowSources {
  private readonly mapOf: (name: string) => LwwMap<unknown>;
  private readonly maps = new Map<string, RowsOfMap>();

  constructor(mapOf: (name: string) => LwwMap<unknown>) {
    this.mapOf = mapOf;
  }

  mirror(name: string): LwwMap<unknown> {
    return this.mapOf(name);
  }

  known(name: string): object[] {
    let known = this.maps.get(name);
    if (known === undefined) {
      const map = this.mapOf(name);
      known = { map, reloads: map.reloads, rows: [], questions: 0, isOver: false };
      this.maps.set(name, known);
    }
    return known.rows;
  }

  /**
   * Whether rows may have been made of what the engine does not hold: a write that it refused is shown until the map is
   * loaded again. Or whether too many rows of records are kept that are gone.
   */
  isStale(name: string): boolean {
    const known = this.maps.get(name);
    if (known === undefined) return false;
    const { map, reloads, rows } = known;
    if (known.isOver || this.mapOf(name) !== map || map.reloads !== reloads) return true;
    if (rows.length <= ROOM || ++known.questions < QUESTIONS_PER_LOOK) return false;
    known.questions = 0;
    return rows.length > 2 * map.size + ROOM;
  }

  forget(name: string): void {
    this.maps.delete(name);
  }

  /** An engine is attached: another one, which knows nothing of it, or the same again. */
  clear(): void {
    for (const known of this.maps.values()) known.isOver = true;
  }
}
