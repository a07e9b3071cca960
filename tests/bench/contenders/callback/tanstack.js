import { createCollection, createLiveQueryCollection, eq } from '@tanstack/db';

export async function open(orders, zones, told) {
  let sync;
  const collection = createCollection({
    getKey: (order) => order.id,
    startSync: true,
    sync: {
      sync: (functions) => {
        sync = functions;
        sync.begin();
        for (const value of orders) sync.write({ type: 'insert', value });
        sync.commit();
        sync.markReady();
      },
    },
  });
  const queries = zones.map((zone) => {
    const live = createLiveQueryCollection({
      query: (q) => q.from({ o: collection }).where(({ o }) => eq(o.zone, zone)).orderBy(({ o }) => o.created, 'desc').limit(50),
      startSync: true,
    });
    live.subscribeChanges(told, { includeInitialState: true });
    return live;
  });
  return {
    write: (value) => {
      sync.begin();
      sync.write({ type: 'update', value });
      sync.commit();
    },
    rows: () => queries[0].toArray.map(({ id }) => id),
  };
}
