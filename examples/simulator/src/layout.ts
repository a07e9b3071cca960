// Where machines stand on the stage, in percent of its width and height.

export interface Place {
  readonly x: number;
  readonly y: number;
}

const SAMPLES = 720;

/**
 * Places for `count` clients around the server, evenly along an ellipse and from the top on.
 * `aspect` is the stage's width by its height.
 */
export function placesAround(count: number, aspect: number): readonly Place[] {
  const isCrowd = count > 6;
  const center = serverPlace(count);
  const radius = { x: isCrowd ? 43 : 38, y: isCrowd ? 42 : count === 3 ? 42 : 36 };
  const at = (angle: number): Place => ({ x: center.x + radius.x * Math.cos(angle), y: center.y + radius.y * Math.sin(angle) });
  // Equal angles would crowd the narrow ends, so walk along and measure.
  const lengths = [0];
  for (let i = 1; i <= SAMPLES; i++) {
    const [a, b] = [at(angleOf(i - 1)), at(angleOf(i))];
    lengths.push((lengths[i - 1] ?? 0) + Math.hypot((b.x - a.x) * aspect, b.y - a.y));
  }
  const whole = lengths[SAMPLES] ?? 1;
  return Array.from({ length: count }, (_, index) => {
    const wanted = (whole * index) / count;
    return at(angleOf(lengths.findIndex((length) => length >= wanted)));
  });
}

function angleOf(sample: number): number {
  return -Math.PI / 2 + (2 * Math.PI * sample) / SAMPLES;
}

/** In the middle of the clients; three of them leave room below. */
export function serverPlace(count: number): Place {
  return { x: 50, y: count === 3 ? 57 : 50 };
}
