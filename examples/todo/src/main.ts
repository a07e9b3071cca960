import { one } from './dom.js';
import { Pane } from './pane.js';
import { Replica } from './replica.js';
import { Story } from './story.js';
import { Wire } from './wire.js';

async function main(): Promise<void> {
  const serverUrl = location.origin;
  const left = new Replica({ side: 'left', name: 'Laptop', serverUrl });
  const right = new Replica({ side: 'right', name: 'Phone', serverUrl });
  one(document, '.panes').append(new Pane(left).element, new Pane(right).element);
  new Wire(one(document, '.wire'), left, right);
  new Story(one(document, '.story'), left, right);
  await Promise.all([left.start(), right.start()]);
}

main().catch((error: unknown) => {
  one(document, '.verdict').textContent = `This page could not start. ${String(error)}`;
});
if ('serviceWorker' in navigator) void navigator.serviceWorker.register('service-worker.js');
