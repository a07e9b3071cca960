// The Unicode Character Database as records: a real, openly licensed table of some 35,000 rows.
// Debian installs it with the package unicode-data (licence: docs/dependencies.md).

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

const PATH = '/usr/share/unicode/UnicodeData.txt';

/**
 * The rows as [code point in hex, record]. Fields follow Unicode Standard Annex #44, table 9; those
 * that are empty in the file are left out of the record.
 */
export async function readUnicodeData() {
  if (!existsSync(PATH)) throw new Error(`${PATH} is missing: install the package unicode-data`);
  const lines = (await readFile(PATH, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.map(parseLine);
}

function parseLine(line) {
  const [code, name, category, combining, bidi, decomposition, decimal, digit, numeric, mirrored, oldName, comment, upper, lower, title] =
    line.split(';');
  const record = {
    name,
    category,
    combining: Number(combining),
    bidi,
    mirrored: mirrored === 'Y',
  };
  const optional = { decomposition, numeric, oldName, comment, upper, lower, title };
  for (const [field, text] of Object.entries(optional)) if (text !== '') record[field] = text;
  if (decimal !== '') record.decimal = Number(decimal);
  if (digit !== '') record.digit = Number(digit);
  return [code, record];
}
