// A chart as SVG: pairs of bars, ours and what it is compared with, each pair to a scale of its own.

const kWidth = 760;
const kLabelHeight = 20;
const kBarHeight = 14;
const kGap = 16;
const kNameWidth = 190;
const kBarWidthMax = 360;

const escape = (text) => text.replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign]);

/** 1234567 as "1.23 million", 0.00123 as "0.00123". */
export function readable(value) {
  if (Math.abs(value) >= 1e6) return `${(value / 1e6).toPrecision(3)} million`;
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}

/**
 * @param {string} title
 * @param {import('../lib/results.mjs').Result[]} results those with a baseline are drawn
 */
export function barChart(title, results) {
  const drawn = results.filter(({ baseline }) => baseline);
  const rowHeight = kLabelHeight + 2 * (kBarHeight + 3) + kGap;
  const height = 34 + drawn.length * rowHeight;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${kWidth}" height="${height}" viewBox="0 0 ${kWidth} ${height}" role="img" aria-label="${escape(title)}" font-family="system-ui, sans-serif" font-size="12">`,
    `<rect width="${kWidth}" height="${height}" fill="#ffffff"/>`,
    `<text x="12" y="22" font-size="15" font-weight="600" fill="#1b1f24">${escape(title)}</text>`,
  ];
  drawn.forEach((result, index) => {
    const top = 34 + index * rowHeight;
    parts.push(`<text x="12" y="${top + 14}" fill="#1b1f24">${escape(`${result.case} — ${result.metric}`)}</text>`);
    const pair = [
      { name: 'TopGun', value: result.value, fill: '#2563eb' },
      { name: result.baseline.name, value: result.baseline.value, fill: '#9aa4b2' },
    ];
    const most = Math.max(...pair.map(({ value }) => value));
    pair.forEach(({ name, value, fill }, line) => {
      const y = top + kLabelHeight + line * (kBarHeight + 3);
      const width = Math.max((value / most) * kBarWidthMax, 1);
      const note = line === 0 && result.ratio !== undefined ? `  (ratio ${readable(result.ratio)})` : '';
      parts.push(
        `<text x="${kNameWidth - 6}" y="${y + 11}" text-anchor="end" fill="#57606a">${escape(name)}</text>`,
        `<rect x="${kNameWidth}" y="${y}" width="${width.toFixed(1)}" height="${kBarHeight}" rx="2" fill="${fill}"/>`,
        `<text x="${(kNameWidth + width + 6).toFixed(1)}" y="${y + 11}" fill="#1b1f24">${escape(`${readable(value)} ${result.unit}${note}`)}</text>`,
      );
    });
  });
  parts.push('</svg>', '');
  return parts.join('\n');
}
