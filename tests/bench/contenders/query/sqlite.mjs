// SQLite in memory through better-sqlite3: statements are prepared once, rows are objects.

import Database from 'better-sqlite3';

export function openSqlite(orders) {
  const db = new Database(':memory:');
  db.exec(`CREATE TABLE orders (id TEXT PRIMARY KEY, city TEXT, status TEXT, customer TEXT, zone TEXT,
    age INTEGER, quantity INTEGER, amount REAL, created INTEGER) WITHOUT ROWID`);
  const insert = db.prepare('INSERT INTO orders VALUES (@id, @city, @status, @customer, @zone, @age, @quantity, @amount, @created)');
  db.transaction(() => orders.forEach((order) => insert.run(order)))();
  const prepared = new Map();
  /** Anew after an index was made: SQLite plans when it prepares. */
  const statement = (sql) => {
    if (!prepared.has(sql)) prepared.set(sql, db.prepare(sql));
    return prepared.get(sql);
  };
  return {
    index(columns) {
      db.exec(`CREATE INDEX "${columns}" ON orders (${columns}); ANALYZE`);
      prepared.clear();
    },
    order: (id) => statement('SELECT * FROM orders WHERE id = ?').all(id),
    countOpen: () => statement("SELECT count(*) AS count FROM orders WHERE status = 'open' AND age > 60").get().count,
    latest: (city) => statement('SELECT * FROM orders WHERE city = ? ORDER BY created DESC LIMIT 20').all(city),
    cities: () => statement('SELECT city, count(*) AS count, sum(quantity) AS sum FROM orders GROUP BY city').all(),
  };
}
