// What a person has chosen to see.

import type { Parcel } from './parcels.js';

export type Column = '_key' | 'stage' | 'from' | 'carrier' | 'progress' | 'due' | 'value';
export type Grouping = 'none' | 'stage' | 'carrier' | 'to';

export interface View {
  /** Stages to be seen; all if there is none. */
  readonly stages: readonly number[];
  readonly carrier: string;
  /** How the name of the city of departure or destination begins. */
  readonly city: string;
  readonly expressOnly: boolean;
  readonly groupBy: Grouping;
  readonly sortBy: Column;
  readonly descending: boolean;
}

export const INITIAL_VIEW: View = {
  stages: [],
  carrier: '',
  city: '',
  expressOnly: false,
  groupBy: 'none',
  sortBy: '_key',
  descending: false,
};

export type Change = (change: Partial<View>) => void;

/** A parcel as a query returns it. */
export type ParcelRow = Parcel & { readonly _key: string };

export function toggled(stages: readonly number[], stage: number): readonly number[] {
  return stages.includes(stage) ? stages.filter((each) => each !== stage) : [...stages, stage];
}
