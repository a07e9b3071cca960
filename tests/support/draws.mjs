// Random numbers that a seed brings back, for tests in JavaScript.

/** Draws of one stream of a seed (splitmix32); streams with different names do not disturb each other. */
export class Draws {
  #state;

  constructor(seed, stream = '') {
    this.#state = seed >>> 0;
    for (const character of stream) this.#state = Math.imul(this.#state ^ character.charCodeAt(0), 0x01000193) >>> 0;
  }

  /** 32 random bits. */
  next() {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let bits = this.#state;
    bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
    return (bits ^ (bits >>> 15)) >>> 0;
  }

  /** A whole number in [0, bound). */
  below(bound) {
    return Math.floor((this.next() / 2 ** 32) * bound);
  }

  /** A whole number in [low, high]. */
  between(low, high) {
    return low + this.below(high - low + 1);
  }

  pick(items) {
    return items[this.below(items.length)];
  }
}
