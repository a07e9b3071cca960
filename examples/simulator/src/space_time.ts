// The picture that the command line keeps with a bug report, here in the page.

import { kStyle, spaceTime } from '../../../scripts/lib/sim/diagram.mjs';
import { make, one } from './dom.js';

/** Shows the picture of a small case in its place below the stage; without events, hides it. */
export function showSpaceTime(events: readonly object[] = []): void {
  const section = one(document, '.diagram');
  section.querySelector('.space-time')?.remove();
  section.hidden = events.length === 0;
  if (events.length > 0) section.append(spaceTimeElement(events));
}

/** A lane for each machine, time downwards. It has its own style and shares none with the page. */
function spaceTimeElement(events: readonly object[]): HTMLElement {
  const host = make('div', { class: 'space-time', tabindex: 0, role: 'region', 'aria-label': 'Space-time diagram of the small case' });
  const shadow = host.attachShadow({ mode: 'open' });
  const style = make('style');
  style.textContent = `${kStyle.replaceAll(':root', ':host').replace(/^body \{.*$/m, '')}\n:host { background: var(--paper) }`;
  const drawing = make('div');
  // The picture escapes whatever it was given; it comes from the simulator in this page.
  drawing.innerHTML = spaceTime(events, (client) => `client ${client + 1}`).svg;
  shadow.append(style, drawing);
  return host;
}
