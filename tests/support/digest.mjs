import { createHash } from 'node:crypto';

/** SHA-256 over the entries [key, value] in key order; values with their fields in name order. */
export function digestOf(entries) {
  const hash = createHash('sha256');
  for (const [key, value] of [...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) {
    hash.update(`${JSON.stringify(key)} ${JSON.stringify(value, sortedFields)}\n`);
  }
  return hash.digest('hex');
}

function sortedFields(_name, value) {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
