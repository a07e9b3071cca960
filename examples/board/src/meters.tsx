// Figures that change twice a second, with their last half minute.

import { useEffect, useState, type ReactNode } from 'react';
import { useClient } from 'topgun/react';

import { MAP_NAME, type Parcel } from './parcels.js';

const SAMPLE_MS = 500;
const SAMPLES = 60;

/** Samples of a figure, the newest last. */
function useSamples(begin: () => { sample(seconds: number): number; end(): void }): readonly number[] {
  const [samples, setSamples] = useState<readonly number[]>([]);
  useEffect(() => {
    const { sample, end } = begin();
    let last = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      const value = sample((now - last) / 1000);
      last = now;
      setSamples((before) => [...before.slice(1 - SAMPLES), value]);
    }, SAMPLE_MS);
    return () => {
      clearInterval(timer);
      end();
    };
  }, [begin]);
  return samples;
}

/** Pictures that the browser has drawn. */
function countFrames(): ReturnType<Parameters<typeof useSamples>[0]> {
  let frames = 0;
  let request = requestAnimationFrame(function count() {
    frames++;
    request = requestAnimationFrame(count);
  });
  return {
    sample(seconds) {
      const perSecond = frames / seconds;
      frames = 0;
      return perSecond;
    },
    end: () => cancelAnimationFrame(request),
  };
}

export function FrameMeter(): ReactNode {
  return <Meter label="frames a second" samples={useSamples(countFrames)} least={60} />;
}

export function ChangeMeter(): ReactNode {
  const client = useClient();
  const [begin] = useState(() => () => {
    let changes = 0;
    const end = client.getMap<Parcel>(MAP_NAME).subscribe((batch) => (changes += batch.length));
    return {
      sample(seconds: number) {
        const perSecond = changes / seconds;
        changes = 0;
        return perSecond;
      },
      end,
    };
  });
  return <Meter label="changes a second" samples={useSamples(begin)} least={100} />;
}

function Meter({ label, samples, least }: { label: string; samples: readonly number[]; least: number }): ReactNode {
  // By what is usual: one peak, as when the board is filled, must not flatten the rest.
  const usual = [...samples].sort((a, b) => a - b)[Math.floor(samples.length * 0.8)] ?? 0;
  const top = Math.max(least, usual) * 1.1;
  const points = samples.map(
    (value, i) => `${i + SAMPLES - samples.length},${(1 - Math.min(1, value / top)) * 24}`,
  );
  // Over the last second and a half, as single samples jump.
  const recent = samples.slice(-3);
  const mean = recent.reduce((sum, value) => sum + value, 0) / Math.max(recent.length, 1);
  return (
    <div className="meter">
      <p className="meter-value" data-meter={label}>{Math.round(mean).toLocaleString('en')}</p>
      <p className="meter-label">{label}</p>
      <svg viewBox={`0 0 ${SAMPLES - 1} 24`} preserveAspectRatio="none" aria-hidden="true">
        <polyline points={points.join(' ')} />
      </svg>
    </div>
  );
}
