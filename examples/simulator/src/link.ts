// A run as a link: #seed=42&profile=lite&mutant=21, or #scenario=<hex>&mutant=21.

import type { ProfileName, Run } from './types.js';

const PROFILES: readonly string[] = ['lite', 'standard', 'full'];

/** The run that the part of an address after # names, if it names one. */
export function readLink(hash: string): Run | undefined {
  const words = new URLSearchParams(hash.replace(/^#/, ''));
  const mutant = numberOf(words.get('mutant')) ?? 0;
  const bytes = words.get('scenario');
  if (bytes && /^([0-9a-f]{2})+$/.test(bytes)) return { kind: 'scenario', bytes, mutant };
  const seed = numberOf(words.get('seed'));
  if (seed === undefined) return undefined;
  const profile = words.get('profile') ?? 'lite';
  return { kind: 'seed', seed, profile: (PROFILES.includes(profile) ? profile : 'lite') as ProfileName, mutant };
}

function numberOf(text: string | null): number | undefined {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

export function linkOf(run: Run): string {
  const mutant = run.mutant > 0 ? `&mutant=${run.mutant}` : '';
  if (run.kind === 'seed') return `#seed=${run.seed}&profile=${run.profile}${mutant}`;
  return run.kind === 'scenario' ? `#scenario=${run.bytes}${mutant}` : '';
}

/** Puts it into the address bar; no entry of the history for each. */
export function writeLink(run: Run): void {
  history.replaceState(null, '', linkOf(run) || location.pathname);
}
