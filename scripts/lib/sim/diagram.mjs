// A space-time diagram of a run as one HTML file: a lane for each machine, time downwards. Without
// scripts and without the network, so that it can be kept with a bug report.

const kLaneWidth = 190;
const kLeft = 90;
const kTop = 70;
// Time is stretched where much happens and pressed where nothing does.
const kRowPx = 10;
const kGapPxMax = 60;
const kPxPerSecond = 40;
const kFramesMax = 500;
const kHeartbeat = new Set(['ping', 'pong', 'credit']);

const escape = (text) => String(text).replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);
const seconds = (us) => `${(us / 1e6).toFixed(3)} s`;

/**
 * Frames that are worth a line: heartbeats go first, then the oldest.
 * @returns {{frames: object[], left_out: number}}
 */
export function worthDrawing(frames, limit = kFramesMax) {
  if (frames.length <= limit) return { frames, left_out: 0 };
  const telling = frames.filter(({ messages }) => !messages.every((name) => kHeartbeat.has(name)));
  const kept = telling.slice(-limit);
  return { frames: kept, left_out: frames.length - kept.length };
}

/** A function from µs of virtual time to px, ascending; equal times share a row. */
export function timeAxis(times) {
  const points = [...new Set(times)].sort((a, b) => a - b);
  const y = new Map();
  let at = kTop;
  points.forEach((time, i) => {
    if (i > 0) at += Math.min(kGapPxMax, Math.max(kRowPx, ((time - points[i - 1]) / 1e6) * kPxPerSecond));
    y.set(time, at);
  });
  return { y: (time) => y.get(time), points, bottom: at };
}

export const kStyle = `
:root { color-scheme: light dark; --ink: #1d2733; --soft: #6b7785; --paper: #fff; --frame: #3b73b9; --lost: #b7791f; --fault: #d9822b; --bad: #c6283a; --good: #2f855a }
@media (prefers-color-scheme: dark) { :root { --ink: #dde5ee; --soft: #8d99a8; --paper: #12171e; --frame: #7fb0ef; --lost: #e0b060; --fault: #f0a050; --bad: #ff6b78; --good: #68d391 } }
body { margin: 24px; background: var(--paper); color: var(--ink); font: 14px/1.45 system-ui, sans-serif }
h1 { font-size: 19px; margin: 0 0 4px } p { margin: 4px 0; max-width: 70em } code { font-size: 12px; overflow-wrap: anywhere }
.scroll { overflow-x: auto; margin-top: 16px }
svg { font: 11px system-ui, sans-serif; display: block } svg text { fill: var(--ink) }
.lane { stroke: var(--soft); stroke-width: 1 } .head { font-weight: 600; font-size: 13px } .soft { fill: var(--soft) }
.frame { stroke: var(--frame); stroke-width: 1.2; opacity: .7; marker-end: url(#tip) } .lost { stroke: var(--lost); stroke-dasharray: 4 3; marker-end: none }
.frame:hover { stroke-width: 3; opacity: 1 } svg .note { fill: var(--soft); font-size: 9px }
.fault { fill: var(--fault); opacity: .3 } .write { fill: var(--good) } .durable { stroke: var(--good); stroke-width: 2 }
.bad { stroke: var(--bad); stroke-width: 2 } svg .badtext { fill: var(--bad); font-weight: 600; font-size: 12px } .healing { stroke: var(--good); stroke-dasharray: 6 4 }
#tip path { fill: var(--frame) }`;

/**
 * The picture alone, as a piece of HTML, for pages that have a style of their own around it.
 * @param {object[]} events what `topgun-sim --trace` says
 * @param {(client: number) => string} nameOf what a client is called
 * @returns {{svg: string, failure: object | undefined, left_out: number}}
 */
export function spaceTime(events, nameOf = (client) => `client ${client}`) {
  const of = (kind) => events.filter(({ event }) => event === kind);
  const { frames, left_out } = worthDrawing(of('frame'));
  const steps = of('step');
  const ends = new Map(of('step_end').map((end) => [end.id, end.t]));
  const grown = {};
  const durable = of('durable').filter(({ shard, sequence }) => {
    const before = grown[shard] ?? 0;
    grown[shard] = Math.max(before, sequence);
    return sequence > before;
  });
  const failure = of('failure')[0];
  const clients = [...new Set([...frames.map(({ client }) => client), ...steps.filter((step) => !step.of_node).map(({ actor }) => actor)])].sort((a, b) => a - b);
  const last = failure ? failure.at_ms * 1000 : Math.max(0, ...events.map(({ t }) => t ?? 0));
  const times = [0, last, ...frames.flatMap(({ sent, t }) => [sent, t]), ...steps.map(({ t }) => t), ...ends.values(), ...durable.map(({ t }) => t), ...of('healing').map(({ t }) => t)];
  const { y, points, bottom } = timeAxis(times);
  const x = (lane) => kLeft + kLaneWidth * (lane + 0.5);
  const xOf = (client) => x(clients.indexOf(client) + 1);
  const width = kLeft + kLaneWidth * (clients.length + 1) + 40;
  const out = [];

  ['node', ...clients.map(nameOf)].forEach((name, lane) => {
    out.push(`<line class="lane" x1="${x(lane)}" x2="${x(lane)}" y1="${kTop - 12}" y2="${bottom + 8}"/>`);
    out.push(`<text class="head" text-anchor="middle" x="${x(lane)}" y="${kTop - 24}">${name}</text>`);
  });
  let labelled = -Infinity;
  for (const time of points) {
    if (y(time) - labelled < 26) continue;
    labelled = y(time);
    out.push(`<text class="soft" x="8" y="${y(time) + 4}">${seconds(time)}</text>`);
  }
  for (const step of steps.filter(({ fault }) => fault)) {
    const lane = step.of_node ? x(0) : xOf(step.actor);
    const height = Math.max(6, y(ends.get(step.id) ?? step.t) - y(step.t));
    const title = `${step.kind} at ${seconds(step.t)}, a=${step.a} b=${step.b}`;
    out.push(`<rect class="fault" x="${lane - 8}" y="${y(step.t)}" width="16" height="${height}"><title>${escape(title)}</title></rect>`);
    out.push(`<text x="${lane + 12}" y="${y(step.t) + 4}">${escape(step.kind)}</text>`);
  }
  for (const { t, shard, sequence } of durable) {
    out.push(`<line class="durable" x1="${x(0) - 12}" x2="${x(0)}" y1="${y(t)}" y2="${y(t)}"><title>shard ${shard} durable up to ${sequence} at ${seconds(t)}</title></line>`);
  }
  for (const { client, to_node, lost, sent, t, bytes, messages } of frames) {
    const [from, to] = to_node ? [xOf(client), x(0)] : [x(0), xOf(client)];
    const end = lost ? from + (to - from) * 0.6 : to;
    const title = `${messages.join(', ')}: ${bytes} bytes, sent ${seconds(sent)}, ${lost ? 'lost' : 'arrived'} ${seconds(t)}`;
    out.push(`<line class="frame${lost ? ' lost' : ''}" x1="${from}" y1="${y(sent)}" x2="${end}" y2="${y(t)}"><title>${escape(title)}</title></line>`);
    if (lost) out.push(`<text x="${end}" y="${y(t) + 3}" text-anchor="middle">×</text>`);
    const names = [...new Set(messages)].filter((name) => !kHeartbeat.has(name)).join(', ');
    const place = to_node ? 0.3 : 0.62;
    if (names) out.push(`<text class="note" text-anchor="middle" x="${from + (end - from) * place}" y="${y(sent) + (y(t) - y(sent)) * place - 2}">${escape(names)}</text>`);
  }
  for (const step of steps.filter(({ fault }) => !fault)) {
    out.push(`<circle class="write" cx="${xOf(step.actor)}" cy="${y(step.t)}" r="4"><title>${escape(`${step.kind} at ${seconds(step.t)}, a=${step.a} b=${step.b}`)}</title></circle>`);
    out.push(`<text x="${xOf(step.actor) + 8}" y="${y(step.t) + 4}">${escape(step.kind)}</text>`);
  }
  for (const { t } of of('healing')) {
    out.push(`<line class="healing" x1="${kLeft}" x2="${width}" y1="${y(t)}" y2="${y(t)}"/><text x="${kLeft}" y="${y(t) - 4}">healing</text>`);
  }
  if (failure) {
    out.push(`<line class="bad" x1="0" x2="${width}" y1="${y(last)}" y2="${y(last)}"/>`);
    out.push(`<text class="badtext" x="8" y="${y(last) + 18}">${escape(failure.invariant)} broken</text>`);
  }
  const size = `width="${width}" height="${bottom + 40}" viewBox="0 0 ${width} ${bottom + 40}"`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-label="Space-time diagram">
<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>
${out.join('\n')}
</svg>`;
  return { svg, failure, left_out };
}

/**
 * @param {object} repro as in repro.json
 * @param {object[]} events what `topgun-sim --trace` says
 * @returns {string} the diagram
 */
export function diagram(repro, events) {
  const { svg, failure, left_out } = spaceTime(events);
  const omitted = left_out > 0 ? `<p>${left_out} frames are left out: heartbeats, and the oldest.</p>` : '';
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Seed ${repro.seed}: ${escape(repro.invariant)}</title>
<style>${kStyle}</style>
<h1>Seed ${repro.seed} breaks ${escape(repro.invariant)}</h1>
<p>${escape(failure?.detail ?? repro.detail)}</p>
<p>Commit <code>${escape(repro.commit)}</code>, profile ${escape(repro.profile)}${repro.mutant ? `, planted bug ${repro.mutant}` : ''}. Lines are frames, dashed ones were lost; dots are writes, bars are faults, ticks at the node are syncs of its log. Point at one to read more.</p>
<p>On the page of the simulator: <code>${escape(repro.page)}</code>.</p>${omitted}
<div class="scroll">${svg}</div>
</html>
`;
}
