import type { ByteReader } from '../bindings/reader.js';
import type { EngineHost } from './engine-host.js';

/** The queries of a client, as its replica sees them: they are loaded with the query engine alone. */
export interface QueryTap {
  /** Another engine answers from now on. */
  attach(host: EngineHost): void;
  /** An event of queries; mirrors show what it speaks of. No code of the application may run here. */
  applyEvent(code: number, payload: ByteReader): void;
  /** The tab that has the connection knows nothing of us yet. */
  askAgain(): void;
  /** Tells the application. */
  notify(): void;
}
