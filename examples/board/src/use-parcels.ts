// The questions that the board asks. Each is a live query: asked once, and kept true from then on.

import { useMemo } from 'react';
import { count, sum, type QueryOptions } from 'topgun';
import { useClient, useQuery } from 'topgun/react';

import { MAP_NAME, STAGES, type Parcel } from './parcels.js';
import type { ParcelRow, View } from './view.js';

type Where = NonNullable<QueryOptions<Parcel>['where']>;

/** Nobody reads faster than this: the rows move twenty times a second, the figures four times. */
const ROWS = { everyMs: 50 };
const FIGURES = { everyMs: 250 };

export interface Parcels {
  /** The parcels to be seen, sorted by group and then as chosen. */
  readonly rows: readonly ParcelRow[];
  /** What those of each group are worth. */
  readonly groupValues: ReadonlyMap<string | number, number>;
}

export function useParcels(view: View): Parcels {
  const { groupBy, sortBy, descending } = view;
  const where = conditionsOf(view);
  const order = `${descending ? '-' : ''}${sortBy}` as const;
  const sorting = groupBy === 'none' ? [order] : [groupBy, order];
  const { data: rows } = useQuery<Parcel>(MAP_NAME, { where, orderBy: sorting }, ROWS);

  const shown = useClient().query<Parcel>(MAP_NAME).where(where);
  const grouped = (groupBy === 'none' ? shown : shown.groupBy(groupBy)).aggregate({ value: sum('value') });
  const { data: groups } = useQuery(grouped, FIGURES);
  const groupValues = useMemo(() => {
    const values = new Map<string | number, number>();
    if (groupBy === 'none') return values;
    for (const group of groups) values.set((group as Partial<Parcel>)[groupBy] ?? '', group.value);
    return values;
  }, [groups, groupBy]);
  return { rows, groupValues };
}

export interface Figures {
  /** Parcels that are to be seen. */
  readonly shown: number;
  /** What they are worth together. */
  readonly value: number;
  /** How many there are at each stage, whatever stages are chosen. */
  readonly stageCounts: readonly number[];
}

export function useFigures(view: View): Figures {
  const everything = useClient().query<Parcel>(MAP_NAME);
  const shown = everything.where(conditionsOf(view)).aggregate({ parcels: count(), value: sum('value') });
  const whateverStage = everything.where(conditionsOf({ ...view, stages: [] }));
  const byStage = whateverStage.groupBy('stage').aggregate({ parcels: count() });
  const [figures] = useQuery(shown, FIGURES).data;
  const { data } = useQuery(byStage, FIGURES);
  const stageCounts = STAGES.map((_, stage) => data.find((group) => group.stage === stage)?.parcels ?? 0);
  return { shown: figures?.parcels ?? 0, value: figures?.value ?? 0, stageCounts };
}

/** How many parcels there are at all. */
export function useTotal(): { total: number; loading: boolean; settled: boolean } {
  const all = useClient().query<Parcel>(MAP_NAME).aggregate({ parcels: count() });
  const { data, loading, settled } = useQuery(all, FIGURES);
  return { total: data[0]?.parcels ?? 0, loading, settled };
}

function conditionsOf({ stages, carrier, city, expressOnly }: View): Where {
  const beginning = { $ilike: `${city.replace(/[\\%_]/g, '\\$&')}%` };
  return {
    ...(stages.length > 0 && { stage: { $in: stages } }),
    ...(carrier !== '' && { carrier }),
    ...(expressOnly && { express: true }),
    ...(city !== '' && { $or: [{ from: beginning }, { to: beginning }] }),
  };
}
