import { readNow } from './engine-host.js';

/** Longest pause that timers of every runtime accept. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The one timer of an engine: each wish replaces the one before. */
export class WakeTimer {
  private readonly wake: () => void;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(wake: () => void) {
    this.wake = wake;
  }

  /** `atMs` is by the monotonic clock of `readNow`. */
  wakeAt(atMs: number): void {
    this.stop();
    const early = atMs - readNow().monotonicMs;
    this.timer = setTimeout(
      () => {
        // Timers may fire a little early, and the engine asks only once.
        if (readNow().monotonicMs < atMs) this.wakeAt(atMs);
        else this.wake();
      },
      Math.min(Math.max(0, early), TIMER_MS_MAX),
    );
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}
