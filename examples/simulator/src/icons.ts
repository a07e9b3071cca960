// Signs as drawings: what fonts have for them differs, or is missing.

import { makeSvg } from './dom.js';

const PATHS = {
  power: 'M8 2v6M4.6 4.4a5 5 0 1 0 6.8 0',
  pencil: 'M3 13l.8-3L10.5 3.3l2.2 2.2L6 12.2zM9.2 4.6l2.2 2.2',
  clock: 'M8 2.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0-11M8 5v3l2 1.6',
  cut: 'M5.8 10.5L12 3.5M10.2 10.5L4 3.5M5.8 11.8a1.9 1.9 0 1 1-3.8 0a1.9 1.9 0 1 1 3.8 0M14 11.8a1.9 1.9 0 1 1-3.8 0a1.9 1.9 0 1 1 3.8 0',
  cross: 'M4 4l8 8M12 4l-8 8',
  play: 'M5 3l8 5l-8 5z',
  pause: 'M5.5 3v10M10.5 3v10',
  start: 'M4 3v10M12.5 3.5L6.5 8l6 4.5z',
  back: 'M6.5 3L3 6.5l3.5 3.5M3 6.5h6a4 3.5 0 0 1 0 7h-3',
  step: 'M3 8h7M7 4.5L10.5 8L7 11.5M13 3v10',
} as const;

export type IconName = keyof typeof PATHS;

export function icon(name: IconName): SVGSVGElement {
  const svg = makeSvg('svg', { class: 'sign', viewBox: '0 0 16 16', 'aria-hidden': 'true', 'data-sign': name });
  svg.append(makeSvg('path', { d: PATHS[name] }));
  return svg;
}

/** Puts a sign into an element, in place of what is there; nothing is done where it is there already. */
export function setIcon(element: Element, name: IconName): void {
  if (element.firstElementChild?.getAttribute('data-sign') !== name) element.replaceChildren(icon(name));
}
