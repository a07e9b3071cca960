// A list of which only the lines in sight are in the page. All lines are of one height.

import { useCallback, useEffect, useLayoutEffect, useRef, useState, type ReactNode } from 'react';
import { flushSync } from 'react-dom';

export const LINE_PX = 40;
/** Lines beyond the edges, so that a fast hand sees no gap. */
const BEYOND = 8;

interface VirtualListProps {
  readonly label: string;
  readonly count: number;
  /** Shows a line in one of the places in the page, which are used again as the list is scrolled. */
  readonly line: (index: number) => ReactNode;
  /** What stands before the first line in sight, if anything. */
  readonly above: (first: number) => ReactNode;
}

export function VirtualList({ label, count, line, above }: VirtualListProps): ReactNode {
  const scroller = useRef<HTMLDivElement>(null);
  const [sight, setSight] = useState({ top: 0, lines: 0 });

  const look = useCallback(() => {
    const { scrollTop, clientHeight } = scroller.current!;
    const now = { top: Math.floor(scrollTop / LINE_PX), lines: Math.ceil(clientHeight / LINE_PX) + 1 };
    setSight((before) => (before.top === now.top && before.lines === now.lines ? before : now));
  }, []);

  useLayoutEffect(look, [look, count]);
  useEffect(() => {
    const element = scroller.current!;
    // In the frame of the scroll event; React by itself might show the lines a frame later.
    const onScroll = (): void => flushSync(look);
    element.addEventListener('scroll', onScroll, { passive: true });
    const resizes = new ResizeObserver(look);
    resizes.observe(element);
    return () => {
      element.removeEventListener('scroll', onScroll);
      resizes.disconnect();
    };
  }, [look]);

  const first = Math.max(0, sight.top - BEYOND);
  const end = Math.min(count, sight.top + sight.lines + BEYOND);
  const places = sight.lines + 2 * BEYOND;
  const lines: ReactNode[] = [];
  for (let index = first; index < end; index++) {
    lines.push(
      <div key={index % places} className="line" style={{ transform: `translateY(${index * LINE_PX}px)` }}>
        {line(index)}
      </div>,
    );
  }
  return (
    <div className="list" ref={scroller} role="rowgroup" aria-label={label} tabIndex={0}>
      <div className="list-above">{above(sight.top)}</div>
      <div className="list-space" style={{ height: count * LINE_PX }}>
        {lines}
      </div>
    </div>
  );
}
