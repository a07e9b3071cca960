// What an empty board shows.

import { useState, type ReactNode } from 'react';
import { useClient, useConnection } from 'topgun/react';

import { MAP_NAME, PARCELS, type Parcel } from './parcels.js';
import { fill } from './writing.js';

/** `settled`: the server has said that it has none, either. */
export function FillButton({ settled }: { settled: boolean }): ReactNode {
  const client = useClient();
  const { status } = useConnection();
  const [done, setDone] = useState<number>();
  if (!settled && (status === 'connecting' || status === 'online')) {
    return <div className="empty"><p className="empty-title">Looking for parcels on the server…</p></div>;
  }
  return (
    <div className="empty">
      <p className="empty-title">The board is empty</p>
      <p>Fill it once; from then on every client of this server has the parcels, and keeps them offline.</p>
      <button
        type="button"
        className="primary"
        disabled={done !== undefined}
        onClick={() => void fill(client.getMap<Parcel>(MAP_NAME), setDone)}
      >
        {done === undefined ? 'Fill it with 50,000 parcels' : `${Math.round((100 * done) / PARCELS)} %`}
      </button>
    </div>
  );
}
