import { memo, useCallback, useDeferredValue, useEffect, useMemo, useState, type ReactNode } from 'react';
import { useMutation } from 'topgun/react';

import { OnlineSwitch, WriterButton } from './connection.js';
import { FillButton } from './fill.js';
import { Filters, Stages } from './filters.js';
import { Layout } from './layout.js';
import { ChangeMeter, FrameMeter } from './meters.js';
import { MAP_NAME, nextStage, type Parcel } from './parcels.js';
import { GroupLine, ParcelLine, euros } from './row.js';
import { useFigures, useParcels, useTotal } from './use-parcels.js';
import { INITIAL_VIEW, type Change, type Column, type ParcelRow, type View } from './view.js';
import { VirtualList } from './virtual-list.js';

const COLUMNS: readonly [Column, string][] = [
  ['_key', 'Parcel'],
  ['stage', 'Stage'],
  ['from', 'Route'],
  ['carrier', 'Carrier'],
  ['progress', 'Progress'],
  ['due', 'Due'],
  ['value', 'Value'],
];

const MINUTE_MS = 60_000;

export function App(): ReactNode {
  const [view, setView] = useState(INITIAL_VIEW);
  const change = useCallback((part: Partial<View>) => setView((before) => ({ ...before, ...part })), []);
  // Typing goes before the rows of what was typed.
  const shown = useDeferredValue(view);
  const { total, loading, settled } = useTotal();
  return (
    <>
      <header className="masthead">
        <h1>
          <img src="icon.svg" alt="" width="28" height="28" />
          TopGun board
        </h1>
        <p>Live queries over every parcel: true while others write, and offline.</p>
        <div className="masthead-end">
          <WriterButton />
          <OnlineSwitch />
        </div>
      </header>
      <section className="figures" aria-label="Figures">
        <FigureCount view={view} shown={shown} change={change} />
        <ChangeMeter />
        <FrameMeter />
      </section>
      <main className="card">
        <Filters view={view} change={change} />
        {total === 0 && !loading ? (
          <FillButton settled={settled} />
        ) : (
          <Table view={shown} change={change} />
        )}
      </main>
      <footer className="colophon">
        Try also: reload while offline, or run <code>node examples/board/writer.mjs</code> in a terminal.{' '}
        <a href="../">The todo app</a> shows two replicas side by side.
      </footer>
    </>
  );
}

interface FigureCountProps {
  readonly view: View;
  /** What the rows are of: the view, or the one before while the rows of this one are on their way. */
  readonly shown: View;
  readonly change: Change;
}

function FigureCount({ view, shown, change }: FigureCountProps): ReactNode {
  const figures = useFigures(shown);
  const { total } = useTotal();
  return (
    <div className="figure-count">
      <p className="meter-value">
        <span data-figure="shown">{figures.shown.toLocaleString('en')}</span>
        <small> of {total.toLocaleString('en')} parcels, worth {euros(figures.value)}</small>
      </p>
      <Stages view={view} change={change} counts={figures.stageCounts} />
    </div>
  );
}

const Table = memo(function Table({ view, change }: { view: View; change: Change }): ReactNode {
  const { groupBy } = view;
  const { rows, groupValues } = useParcels(view);
  const { set } = useMutation<Parcel>(MAP_NAME);
  const now = useMinute();
  const [folded, setFolded] = useState<ReadonlySet<string | number>>(new Set());
  const layout = useMemo(() => new Layout(rows, groupBy, folded), [rows, groupBy, folded]);

  const fold = (value: string | number): void => {
    const next = new Set(folded);
    if (!next.delete(value)) next.add(value);
    setFolded(next);
  };
  const moveOn = useCallback(
    ({ _key, ...parcel }: ParcelRow) => set(_key, nextStage(parcel, Date.now())),
    [set],
  );
  const toggleExpress = useCallback(
    ({ _key, ...parcel }: ParcelRow) => set(_key, { ...parcel, express: !parcel.express, changed: Date.now() }),
    [set],
  );

  const heading = (index: number): ReactNode => {
    const group = layout.groupAt(index);
    if (group === undefined) return null;
    const { value } = group;
    return (
      <GroupLine
        group={group}
        groupBy={groupBy}
        value={groupValues.get(value)}
        folded={folded.has(value)}
        onFold={fold}
      />
    );
  };
  const line = (index: number): ReactNode => {
    const shown = layout.lineAt(index);
    if (shown === undefined) return null;
    if ('group' in shown) return heading(index);
    return <ParcelLine parcel={shown.row} now={now} onNextStage={moveOn} onExpress={toggleExpress} />;
  };
  return (
    <div className="table" role="table" aria-label="Parcels" aria-rowcount={rows.length}>
      <div className="columns" role="row">
        {COLUMNS.map(([column, name]) => {
          const direction = view.descending ? 'descending' : 'ascending';
          const sorted = view.sortBy === column;
          return (
            <span key={column} role="columnheader" className={`cell-${column}`} aria-sort={sorted ? direction : 'none'}>
              <button
                type="button"
                onClick={() => change({ sortBy: column, descending: sorted && !view.descending })}
              >
                {name}
              </button>
            </span>
          );
        })}
      </div>
      <VirtualList label="Parcels" count={layout.lineCount} line={line} above={heading} />
      {rows.length === 0 && <p className="nothing">No parcel is like that.</p>}
    </div>
  );
});

/** The time, to the minute. */
function useMinute(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), MINUTE_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}
