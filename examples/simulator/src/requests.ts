// What the page asks of its workers, and what they answer.

import type { Catalog, Contents, Deed, Outcome, ProfileName, Run, Scenario, Shrunk, View } from './types.js';

export interface Requests {
  catalog: { params: object; result: Catalog };
  /** Opens a run as the session. */
  open: { params: { run: Run }; result: { scenario: Scenario; view: View } };
  /** Runs the session to a time. */
  runUntil: { params: { us: number }; result: View };
  /** Runs so many events. */
  runEvents: { params: { count: number }; result: View };
  rewind: { params: { us: number }; result: View };
  act: { params: { deed: Deed }; result: { done: boolean; view: View } };
  contents: { params: { machine: number }; result: Contents };
  /** Runs a scenario from start to end, beside the session. */
  whole: { params: { run: Run }; result: Outcome };
  /** The first seed that shows a planted bug, or null; says how far it is. */
  hunt: { params: { mutant: number; profile: ProfileName; seeds: number }; result: Outcome | null };
  /** Makes a run that breaks a promise smaller, and tells what happens in what is left. Says how many steps that is so far. */
  shrink: { params: { run: Run; runs: number }; result: { shrunk: Shrunk; events: readonly object[] } | null };
}

export type RequestName = keyof Requests;

export interface RequestMessage<Name extends RequestName = RequestName> {
  readonly id: number;
  readonly name: Name;
  readonly params: Requests[Name]['params'];
}

export type AnswerMessage =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly id: number; readonly progress: number };
