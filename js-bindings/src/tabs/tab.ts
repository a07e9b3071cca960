/** The id of a tab, drawn at random: as the engine takes it, and as tabs call each other. */
export interface Tab {
  readonly bytes: Uint8Array;
  readonly name: string;
}

export function newTab(): Tab {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return { bytes, name: Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('') };
}

/** The bytes behind the name of a tab. */
export function tabBytes(name: string): Uint8Array {
  return Uint8Array.from(name.match(/../g) ?? [], (digits) => parseInt(digits, 16));
}

/** All parts in one array of its own. */
export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
