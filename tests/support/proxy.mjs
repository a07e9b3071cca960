// A proxy of the kind that stands between offices and the world: it understands HTTP, and may dislike
// WebSockets, streams, or everything.

import { once } from 'node:events';
import { createServer, request as forward } from 'node:http';
import { connect } from 'node:net';

/** Stands before `port` on this machine. Its rules may change at any time. */
export class Proxy {
  static async start(port) {
    const proxy = new Proxy(port);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** `pass`, `refuse` (an answer that is no upgrade) or `swallow` (no answer at all). */
  webSockets = 'pass';
  /** `pass`, `refuse` (a page of the proxy's) or `gather` (streams come when they are over, which is never). */
  requests = 'pass';
  /** What got through so far. */
  counts = { webSockets: 0, requests: 0, streams: 0 };
  #waiting = [];
  #port;
  #server;
  #sockets = new Set();
  #answers = new Set();

  /** Resolves when `holds` is true of the counts. */
  reached(holds) {
    return new Promise((resolve) => {
      this.#waiting.push({ holds, resolve });
      this.#tell();
    });
  }

  #count(what) {
    this.counts[what] += 1;
    this.#tell();
  }

  #tell() {
    this.#waiting = this.#waiting.filter(({ holds, resolve }) => {
      if (!holds(this.counts)) return true;
      resolve();
      return false;
    });
  }

  constructor(port) {
    this.#port = port;
    this.#server = createServer((incoming, outgoing) => this.#forward(incoming, outgoing));
    this.#server.on('upgrade', (incoming, socket, head) => this.#upgrade(incoming, socket, head));
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}/`;
  }

  /** Cuts every WebSocket. */
  killWebSockets() {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Cuts every answer that is under way. */
  killRequests() {
    for (const answer of this.#answers) answer.destroy();
  }

  close() {
    this.killWebSockets();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #forward(incoming, outgoing) {
    if (this.requests === 'refuse') {
      outgoing.writeHead(502, { 'content-type': 'text/html' });
      return outgoing.end('<h1>Bad Gateway</h1>');
    }
    const isStream = incoming.url.startsWith('/sync/events');
    this.#count(isStream ? 'streams' : 'requests');
    const { method, url: path, headers } = incoming;
    const onward = forward({ port: this.#port, host: '127.0.0.1', method, path, headers });
    this.#answers.add(outgoing);
    outgoing.on('close', () => {
      this.#answers.delete(outgoing);
      onward.destroy();
    });
    onward.on('error', () => outgoing.destroy());
    onward.on('response', (answer) => {
      if (isStream && this.requests === 'gather') return answer.resume();
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(onward);
  }

  #upgrade(incoming, socket, head) {
    socket.on('error', () => {});
    if (this.webSockets === 'swallow') return this.#keep(socket);
    if (this.webSockets === 'refuse') return socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
    this.#count('webSockets');
    const onward = connect(this.#port, '127.0.0.1', () => {
      const headers = incoming.rawHeaders.map((text, index) => (index % 2 ? `${text}\r\n` : `${text}: `));
      onward.write(`GET ${incoming.url} HTTP/1.1\r\n${headers.join('')}\r\n`);
      onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
    onward.on('error', () => socket.destroy());
    onward.on('close', () => socket.destroy());
    socket.on('close', () => onward.destroy());
    this.#keep(socket);
  }

  #keep(socket) {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
