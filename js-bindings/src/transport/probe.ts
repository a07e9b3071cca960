import type { SocketFactory } from './socket.js';

/** How long a probe may take to open, and how long it must last to be believed. */
const OPEN_MS = 10_000;
const HOLD_MS = 1_000;

/**
 * Opens a WebSocket to see whether one gets through and lasts. Calls `done` once with the answer; the
 * function that it returns ends the probe, with or without an answer.
 */
export function probeSocket(
  open: SocketFactory,
  url: string,
  done: (lasts: boolean) => void,
): () => void {
  let isOver = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = (): void => {
    isOver = true;
    clearTimeout(timer);
    socket.close();
  };
  const answer = (lasts: boolean): void => {
    if (isOver) return;
    end();
    done(lasts);
  };
  const after = (ms: number, lasts: boolean): void => {
    clearTimeout(timer);
    timer = setTimeout(() => answer(lasts), ms);
  };
  const socket = open(url, {
    opened: () => isOver || after(HOLD_MS, true),
    frame: () => undefined,
    closed: () => answer(false),
  });
  after(OPEN_MS, false);
  return end;
}
