// What a suite hands in, and the JSON lines that come of it.

/**
 * @typedef {object} Result
 * @property {string} suite
 * @property {string} case what was done
 * @property {string} metric who did it, and in what respect
 * @property {number} value
 * @property {string} unit
 * @property {{name: string, value: number}} [baseline] what it is compared with, measured in the
 *   same run
 * @property {number} [ratio] how many times better than the baseline, or its share of it, as `bar`
 *   says
 * @property {string} [bar] what was promised, of the ratio if there is one and else of the value
 * @property {boolean} [met]
 */

const holds = { '>=': (a, b) => a >= b, '<=': (a, b) => a <= b };

/** Gathers the results of one suite and prints each as it comes. */
export class Results {
  /**
   * @param {string} suite
   * @param {{smoke?: boolean}} [options] with tiny inputs no bar is judged
   */
  constructor(suite, { smoke = false } = {}) {
    this.suite = suite;
    this.smoke = smoke;
    /** @type {Result[]} */
    this.all = [];
  }

  /**
   * @param {{case: string, metric: string, value: number, unit: string,
   *   baseline?: {name: string, value: number}, ratio?: number, bar?: [string, number]}} result
   *   `bar` such as ['>=', 2] is applied to the ratio, and where there is none to the value
   */
  add({ case: name, metric, value, unit, baseline, ratio, bar }) {
    const result = { suite: this.suite, case: name, metric, value: rounded(value), unit };
    if (baseline) result.baseline = { name: baseline.name, value: rounded(baseline.value) };
    if (ratio !== undefined) result.ratio = rounded(ratio);
    if (bar && !this.smoke) {
      result.bar = `${bar[0]} ${bar[1]}${ratio === undefined ? ` ${unit}` : ''}`;
      result.met = holds[bar[0]](ratio ?? value, bar[1]);
    }
    this.all.push(result);
    console.log(JSON.stringify(result));
  }
}

/** Four significant digits: more would be noise. */
function rounded(value) {
  return Number(value.toPrecision(4));
}

/** A line for whoever watches. */
export function progress(text) {
  console.error(`bench: ${text}`);
}
