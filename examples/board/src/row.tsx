// One line of the list: a parcel, or the heading of a group.

import { memo, useEffect, useRef, type ReactNode } from 'react';

import type { Group } from './layout.js';
import { STAGES, Stage } from './parcels.js';
import type { Grouping, ParcelRow } from './view.js';

interface ParcelLineProps {
  readonly parcel: ParcelRow;
  readonly now: number;
  readonly onNextStage: (parcel: ParcelRow) => void;
  readonly onExpress: (parcel: ParcelRow) => void;
}

export const ParcelLine = memo(function ParcelLine({ parcel, now, onNextStage, onExpress }: ParcelLineProps): ReactNode {
  const { _key, from, to, carrier, stage, progress, express, value, due } = parcel;
  const element = useRef<HTMLDivElement>(null);
  const shown = useRef(parcel);
  useEffect(() => {
    const before = shown.current;
    shown.current = parcel;
    // The place may have gone to another parcel, which has not changed by that.
    if (before._key === _key && before !== parcel) flash(element.current!);
  }, [parcel, _key]);
  const late = due < now && stage !== Stage.delivered;
  return (
    <div className="parcel" role="row" ref={element} data-key={_key}>
      <span role="cell" className="cell-key">
        {_key}
        <button
          type="button"
          className="express"
          aria-pressed={express}
          title={express ? 'Express: make it standard' : 'Make it express'}
          onClick={() => onExpress(parcel)}
        >
          <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M9.5 1 3 9h4l-.5 6L13 7H9z" /></svg>
        </button>
      </span>
      <span role="cell">
        <button
          type="button"
          className="stage"
          data-stage={stage}
          title="Move it to the next stage"
          onClick={() => onNextStage(parcel)}
        >
          {STAGES[stage]}
        </button>
      </span>
      <span role="cell" className="cell-route">
        {from} <span className="arrow" aria-label="to">→</span> {to}
      </span>
      <span role="cell" className="cell-carrier">{carrier}</span>
      <span role="cell" className="cell-progress" data-stage={stage}>
        <span className="bar"><span className="bar-fill" style={{ transform: `scaleX(${progress / 100})` }} /></span>
        <span className="bar-text">{progress}%</span>
      </span>
      <span role="cell" className="cell-due" data-late={late}>{stage === Stage.delivered ? '—' : inWords(due - now)}</span>
      <span role="cell" className="cell-value">{euros(value)}</span>
    </div>
  );
});

interface GroupLineProps {
  readonly group: Group;
  readonly groupBy: Grouping;
  readonly value: number | undefined;
  readonly folded: boolean;
  readonly onFold: (value: string | number) => void;
}

export function GroupLine({ group, groupBy, value, folded, onFold }: GroupLineProps): ReactNode {
  const name = groupBy === 'stage' ? STAGES[Number(group.value)] : group.value;
  return (
    <button type="button" className="group" aria-expanded={!folded} onClick={() => onFold(group.value)}>
      <span className="chevron" aria-hidden="true" />
      {groupBy === 'stage' && <span className="dot" data-stage={group.value} />}
      <span className="group-name">{groupBy === 'to' ? `To ${name}` : name}</span>
      <span className="group-count">{(group.end - group.start).toLocaleString('en')}</span>
      {value !== undefined && <span className="group-value">{euros(value)}</span>}
    </button>
  );
}

export function euros(value: number): string {
  return `€\u00a0${value.toLocaleString('en')}`;
}

function inWords(ms: number): string {
  const hours = Math.round(Math.abs(ms) / 3_600_000);
  const span = hours < 1 ? 'now' : hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
  if (hours < 1) return span;
  return ms < 0 ? `${span} late` : `in ${span}`;
}

function flash(element: HTMLElement): void {
  if (matchMedia('(prefers-reduced-motion: reduce)').matches) return;
  // Of a layer above the row: only its opacity changes, and nothing has to be drawn again.
  element.animate([{ opacity: 0.6 }, { opacity: 0 }], { duration: 900, easing: 'ease-out', pseudoElement: '::before' });
}
