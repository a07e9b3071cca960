/** One Server-Sent Event. A comment comes as an event without data. */
export interface StreamEvent {
  /** `message` unless the event names another. */
  readonly name: string;
  readonly data: string;
}

/** Characters of one event: a frame in base64 and some more. */
const EVENT_CHARS_MAX = 16 << 20;

/**
 * Reads Server-Sent Events (HTML Living Standard, 9.2) from the body of a `fetch`, which unlike
 * `EventSource` can send a token. Comments are reported, since they say that somebody is there.
 * An event that the end of the stream cuts off is dropped, as the standard demands.
 */
export class EventReader {
  private readonly decoder = new TextDecoder();
  private rest = '';
  private name = '';
  private data: string[] = [];
  private isComment = false;

  /** The events that these bytes complete. Throws on an event that is too long. */
  take(bytes: Uint8Array): StreamEvent[] {
    const events: StreamEvent[] = [];
    const more = this.decoder.decode(bytes, { stream: true });
    const text = this.rest + more;
    let start = 0;
    // Most pieces of a large event end no line, and what is there need not be searched again.
    if (!/[\r\n]/.test(more) && !this.rest.endsWith('\r')) return this.keep(text, events);
    for (const match of text.matchAll(/\r\n|\n|\r(?!$)/g)) {
      this.line(text.slice(start, match.index), events);
      start = match.index + match[0].length;
    }
    return this.keep(text.slice(start), events);
  }

  private keep(rest: string, events: StreamEvent[]): StreamEvent[] {
    if (rest.length > EVENT_CHARS_MAX) throw new RangeError('an event without an end');
    this.rest = rest;
    return events;
  }

  private line(line: string, events: StreamEvent[]): void {
    if (line === '') return this.end(events);
    const colon = line.indexOf(':');
    if (colon === 0) {
      this.isComment = true;
      return;
    }
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.name = value;
    else if (field === 'data') this.data.push(value);
  }

  private end(events: StreamEvent[]): void {
    if (this.data.length > 0 || this.name !== '') {
      events.push({ name: this.name || 'message', data: this.data.join('\n') });
    } else if (this.isComment) {
      events.push({ name: 'message', data: '' });
    }
    this.name = '';
    this.data = [];
    this.isComment = false;
  }
}

/** Bytes from base64. Throws on anything else. */
export function bytesFromBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
