// The commands of docs/http.md, as a reader would type them, against a server that runs; and a
// client of sixty lines that speaks frames with nothing but fetch.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { fromRoot } from '../support/paths.mjs';
import { ServerProcess } from '../support/server.mjs';

const run = promisify(execFile);

/** The commands in the page's blocks of shell, against `server`. */
function commandsOfPage(server) {
  const page = readFileSync(fromRoot('docs/http.md'), 'utf8');
  const blocks = [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, text]) => text);
  return blocks
    .flatMap((text) => text.split(/\n\n+/))
    .map((text) => text.trim().replaceAll('localhost:8080', `127.0.0.1:${server.port}`));
}

test('http by hand: the commands of the page write, read and follow a map', async (t) => {
  const server = await ServerProcess.start();
  t.after(() => server.kill());
  const [write, read, follow] = commandsOfPage(server);

  const written = JSON.parse((await run('bash', ['-c', write])).stdout);
  assert.deepEqual(written.map(({ message }) => message), ['welcome', 'ack']);
  const messages = JSON.parse((await run('bash', ['-c', read])).stdout);
  const records = messages.filter(({ message }) => message === 'records').flatMap((message) => message.records);
  const notes = Object.fromEntries(records.map(({ key, value }) => [key, value]));
  assert.deepEqual(notes, {
    milk: { text: 'buy milk', done: false },
    bread: { text: 'bake bread', done: true },
  });

  const child = spawn('bash', ['-c', `exec ${follow}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  let text = '';
  let hasWritten = false;
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    text += chunk;
    if (/"message":"changes".*\n\n/.test(text)) break;
    if (hasWritten || !text.includes('"message":"synced"')) continue;
    hasWritten = true;
    await run('bash', ['-c', write]);
  }
  const [change] = text.match(/\{"message":"changes".*\}/) ?? [];
  assert.match(change, /"key":"milk"/);
});

test('http by hand: frames, long polls and streams need nothing but fetch', async (t) => {
  const server = await ServerProcess.start();
  t.after(() => server.kill());
  const url = `http://127.0.0.1:${server.port}/sync`;
  const json = async (messages) => {
    const headers = { 'content-type': 'application/json', accept: 'application/x-topgun' };
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(messages) });
    assert.equal(response.status, 200);
    return Buffer.from(await response.arrayBuffer());
  };
  // Frames that the server makes of JSON are frames that it takes.
  const kinds = (frame) => [...messagesOf(frame)].map(({ kind }) => kind);
  const write = (key) => json([{ message: 'operations', map: 'm', operations: [{ operation: 'set', key, value: 1 }] }]);
  assert.deepEqual(kinds(await write('a')), [65, 66], 'Welcome, Ack');
  assert.deepEqual(kinds(await json([{ message: 'subscribe', map: 'm' }])), [65, 68, 6, 70], 'Subscribed, Records, Synced');

  const request = Buffer.concat([
    message(1, [0x54, 0x47, 0x4e, 0x31, 1, 1], Buffer.alloc(16, 1), [0, 0], Buffer.alloc(8), [0]),
    message(12, [0, 0, 0]),
    message(3, [1, 1, 1], Buffer.from('m'), [0], Buffer.alloc(24), [0]),
  ]);
  const frames = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/x-topgun' }, body: request });
  assert.equal(frames.headers.get('content-type'), 'application/x-topgun');
  assert.deepEqual(kinds(Buffer.from(await frames.arrayBuffer())), [65, 68, 6, 70]);

  const stream = await fetch(`${url}/events?request=${request.toString('base64url')}`);
  assert.equal(stream.headers.get('content-type'), 'text/event-stream');
  const seen = [];
  let text = '';
  for await (const chunk of stream.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const events = text.split('\n\n');
    text = events.pop();
    for (const event of events) seen.push(...kinds(Buffer.from(event.replace(/^data: /, ''), 'base64')));
    if (seen.includes(69)) break;
    if (seen.at(-1) === 70) await write('b');
  }
  assert.deepEqual(seen, [65, 68, 6, 70, 69], 'in step, then Changes');
});

function message(kind, ...parts) {
  const payload = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([Buffer.from([payload.length + 1, kind]), payload]);
}

function* messagesOf(frame) {
  for (let at = 0; at < frame.length; ) {
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = frame[at++];
      size += (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    yield { kind: frame[at], payload: frame.subarray(at + 1, at + size) };
    at += size;
  }
}
