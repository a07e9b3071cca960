// Verbs for the board, so that its tests read like what a person does.

import { fromRoot } from './paths.mjs';

/** Where `npm run build` puts the board. */
export const boardFolder = fromRoot('build/examples/board');

export class BoardPage {
  constructor(page) {
    this.page = page;
  }

  /** Fills an empty board. */
  async fill() {
    await this.page.getByRole('button', { name: 'Fill it with 50,000 parcels' }).click();
    await this.shows(50_000);
  }

  button(name) {
    return this.page.getByRole('button', { name, exact: true });
  }

  /** Starts the writer in its worker; resolves when its changes arrive. */
  async letWriterIn() {
    await this.button('Let a writer in: 1,000 changes a second').click();
    await this.button('Stop the writer').waitFor();
    await this.page.waitForFunction(() => {
      const changes = Number(document.querySelector('[data-meter="changes a second"]').textContent.replace(/\D/g, ''));
      return changes > 700 && changes < 1300;
    });
  }

  chip(stage) {
    return this.page.getByRole('group', { name: 'Stages' }).getByRole('button', { name: stage });
  }

  groupBy(name) {
    return this.page.getByRole('group', { name: 'Group by' }).getByRole('button', { name }).click();
  }

  /** Clicks the heading of a column. */
  sortBy(name) {
    return this.page.getByRole('columnheader', { name }).getByRole('button').click();
  }

  /** Waits until so many parcels are shown, as the figure says. */
  async shows(count) {
    const text = count.toLocaleString('en');
    await this.page.waitForFunction((text) => document.querySelector('[data-figure=shown]')?.textContent === text, text);
  }

  async shownCount() {
    return Number((await this.page.locator('[data-figure=shown]').textContent()).replaceAll(',', ''));
  }

  /** A parcel that is in sight. */
  parcel(key) {
    return this.page.locator(`.parcel[data-key="${key}"]`);
  }

  /** Texts of a column, from the top of the list, of parcels in sight. */
  async column(name, count) {
    const rows = await this.page.locator('.line').evaluateAll((lines, name) => {
      const at = (line) => new DOMMatrix(line.style.transform).f;
      const cells = lines.toSorted((a, b) => at(a) - at(b)).map((line) => line.querySelector(`.cell-${name}`));
      return cells.flatMap((cell) => (cell ? [cell.textContent.trim()] : []));
    }, name);
    return rows.slice(0, count);
  }

  /**
   * Scrolls down for a while, a line a frame. Resolves to how often the page was drawn, how long a frame
   * took, and how long the page's thread worked for one, which does not depend on what else the machine does.
   */
  async scroll(seconds) {
    const devtools = await this.page.context().newCDPSession(this.page);
    await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
    const workMs = async () => {
      const { metrics } = await devtools.send('Performance.getMetrics');
      return 1000 * metrics.find(({ name }) => name === 'TaskDuration').value;
    };
    const before = await workMs();
    const measured = await this.page.evaluate(async (seconds) => {
      const list = document.querySelector('.list');
      const times = [];
      await new Promise((done) => {
        requestAnimationFrame(function frame(time) {
          times.push(time);
          list.scrollTop += 40;
          if (time - times[0] < seconds * 1000) requestAnimationFrame(frame);
          else done();
        });
      });
      const gaps = times.slice(1).map((time, i) => time - times[i]).sort((a, b) => a - b);
      return {
        frames: gaps.length,
        framesASecond: (1000 * gaps.length) / (times.at(-1) - times[0]),
        medianMs: gaps[Math.floor(gaps.length / 2)],
        p95Ms: gaps[Math.floor(gaps.length * 0.95)],
        rows: document.querySelectorAll('.parcel').length,
      };
    }, seconds);
    return { ...measured, workMsAFrame: ((await workMs()) - before) / measured.frames };
  }
}
