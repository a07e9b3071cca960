/** An engine that traps this often within the span is not replaced any more. */
const TRAPS_MAX = 3;
const TRAPS_SPAN_MS = 60_000;

/** Counts the engines that were lost, so that one that cannot live is not replaced for ever. */
export class TrapLimit {
  private times: number[] = [];

  /** Throws `cause` when there were too many. */
  count(cause: Error): void {
    const now = Date.now();
    this.times = [...this.times.filter((time) => now - time < TRAPS_SPAN_MS), now];
    if (this.times.length > TRAPS_MAX) throw cause;
  }
}
