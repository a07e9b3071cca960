// What to show: stages with how many there are, a city, a carrier, express, and how to group.

import { memo, type ReactNode } from 'react';

import { CARRIERS, STAGES } from './parcels.js';
import { toggled, type Change, type Grouping, type View } from './view.js';

const GROUPINGS: readonly [Grouping, string][] = [
  ['none', 'None'],
  ['stage', 'Stage'],
  ['carrier', 'Carrier'],
  ['to', 'Destination'],
];

interface FiltersProps {
  readonly view: View;
  readonly change: Change;
}

export const Filters = memo(function Filters({ view, change }: FiltersProps): ReactNode {
  const isFiltered = view.stages.length > 0 || view.city !== '' || view.carrier !== '' || view.expressOnly;
  return (
    <div className="filters">
      <input
        type="search"
        placeholder="City, e.g. Porto"
        aria-label="City"
        value={view.city}
        onChange={({ target }) => change({ city: target.value })}
      />
      <select aria-label="Carrier" value={view.carrier} onChange={({ target }) => change({ carrier: target.value })}>
        <option value="">All carriers</option>
        {CARRIERS.map((carrier) => <option key={carrier}>{carrier}</option>)}
      </select>
      <label className="check">
        <input
          type="checkbox"
          checked={view.expressOnly}
          onChange={({ target }) => change({ expressOnly: target.checked })}
        />
        Express only
      </label>
      {isFiltered && (
        <button
          type="button"
          className="quiet"
          onClick={() => change({ stages: [], city: '', carrier: '', expressOnly: false })}
        >
          Show all
        </button>
      )}
      <div className="segments" role="group" aria-label="Group by">
        <span className="segments-label">Group by</span>
        {GROUPINGS.map(([groupBy, name]) => (
          <button key={groupBy} type="button" aria-pressed={view.groupBy === groupBy} onClick={() => change({ groupBy })}>
            {name}
          </button>
        ))}
      </div>
    </div>
  );
});

interface StagesProps extends FiltersProps {
  /** How many parcels are at each stage, whatever stages are chosen. */
  readonly counts: readonly number[];
}

export function Stages({ view, change, counts }: StagesProps): ReactNode {
  const all = counts.reduce((sum, count) => sum + count, 0);
  const choose = (stage: number): void => change({ stages: toggled(view.stages, stage) });
  const isOff = (stage: number): boolean => view.stages.length > 0 && !view.stages.includes(stage);
  return (
    <div className="stages">
      <div className="spectrum" aria-hidden="true">
        {STAGES.map((name, stage) => (
          <span
            key={name}
            data-stage={stage}
            data-off={isOff(stage)}
            style={{ flexGrow: all === 0 ? 1 : (counts[stage] ?? 0) }}
            onClick={() => choose(stage)}
          />
        ))}
      </div>
      <div className="chips" role="group" aria-label="Stages">
        {STAGES.map((name, stage) => (
          <button
            key={name}
            type="button"
            className="chip"
            aria-pressed={view.stages.includes(stage)}
            data-off={isOff(stage)}
            onClick={() => choose(stage)}
          >
            <span className="dot" data-stage={stage} />
            {name}
            <span className="chip-count">{(counts[stage] ?? 0).toLocaleString('en')}</span>
          </button>
        ))}
      </div>
    </div>
  );
}
