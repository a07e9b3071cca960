import type { TabMessage } from './messages.js';

/** How the tabs of one store reach each other. */
export interface TabChannel {
  /** Sends to every other tab; what one tab sends arrives in order. */
  post(message: TabMessage): void;
  /** Hears what the others send; replaces the listener before. */
  listen(listener: (message: TabMessage) => void): void;
  /** Lets others see that `tab` lives, for as long as it does; resolves when they can. */
  appear(tab: string): Promise<void>;
  /** Calls back once when `tab`, which has appeared, is gone, however it ended. */
  whenGone(tab: string, listener: () => void): void;
  close(): void;
}

/** Tabs of another version speak on another channel, and wait for each other. */
const VERSION = 1;

/** A `BroadcastChannel`, and a Web Lock a tab as the sign of life that nothing can forget to end. */
export function browserChannel(lockName: string): TabChannel {
  const name = `${lockName}:tabs-${VERSION}`;
  const channel = new BroadcastChannel(name);
  const closed = new AbortController();
  const lockOf = (tab: string): string => `${name}:${tab}`;
  const request = (tab: string, held: () => Promise<void> | void): void => {
    navigator.locks.request(lockOf(tab), { signal: closed.signal }, held).catch(() => undefined);
  };
  let leave: (() => void) | undefined;
  return {
    post: (message) => channel.postMessage(message),
    listen: (listener) => {
      channel.onmessage = ({ data }: MessageEvent<TabMessage>) => listener(data);
    },
    appear: (tab) =>
      new Promise((seen) => {
        request(tab, () => {
          seen();
          return new Promise((resolve) => (leave = resolve));
        });
      }),
    whenGone: request,
    close: () => {
      channel.close();
      closed.abort();
      leave?.();
    },
  };
}
