// The board example in Chromium: 50,000 rows that are scrolled while another client writes 1,000 changes a
// second. On a machine that does nothing else, frames are as many as the screen shows.

import { BoardPage, boardFolder } from '../../support/board_page.mjs';
import { launchBrowser, openPage } from '../../support/browser.mjs';
import { ServerProcess } from '../../support/server.mjs';
import { progress } from '../lib/results.mjs';

const FRAMES_A_SECOND = 60;

export async function run(results, { smoke }) {
  const ends = [];
  const scope = { after: (end) => ends.unshift(end) };
  try {
    const server = await ServerProcess.start({ args: ['--static', `/board=${boardFolder}`] });
    scope.after(() => server.kill());
    const browser = await launchBrowser(scope);
    const page = await openPage(browser, `${server.url}board/`, { viewport: { width: 1360, height: 900 } });
    await measure(results, new BoardPage(page), smoke ? 1 : 15);
  } finally {
    for (const end of ends) await end();
  }
}

async function measure(results, board, seconds) {
  progress('board: 50,000 rows');
  await board.fill();
  await board.letWriterIn();
  const { framesASecond, workMsAFrame, p95Ms } = await board.scroll(seconds);
  const name = 'scrolling 50,000 rows, 1,000 changes a second from another client';
  // A screen of 60 frames now and then is a frame short by the count of the clock.
  results.add({ case: name, metric: 'frames', value: framesASecond, unit: '/s', bar: ['>=', FRAMES_A_SECOND - 1] });
  results.add({ case: name, metric: '95th percentile of a frame', value: p95Ms, unit: 'ms' });
  const bar = ['<=', Math.floor(1000 / FRAMES_A_SECOND)];
  results.add({ case: name, metric: "the page's thread, CPU a frame", value: workMsAFrame, unit: 'ms', bar });
}
