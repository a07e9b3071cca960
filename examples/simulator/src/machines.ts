// The machines on the stage: a card for each client, one for the server with its disk.

import { make, setAttribute, setText } from './dom.js';
import { icon, setIcon, type IconName } from './icons.js';
import type { Place } from './layout.js';
import { clientName, clockText, stateText } from './texts.js';
import type { Client, DiskFile, ServerNode, World } from './types.js';

/** What a hand may do to a machine; `machine` is a client's number or 'server'. */
export type Touch =
  | { readonly what: 'select' | 'power' | 'clock'; readonly machine: number | 'server' }
  | { readonly what: 'write' | 'link'; readonly machine: number }
  | { readonly what: 'flip'; readonly file: number };

export type OnTouch = (touch: Touch) => void;

const EMPTY_CELL = 0;

/** The notes of a replica as squares, a colour a text. */
class Cells {
  readonly element = make('span', { class: 'cells', 'aria-hidden': 'true' });
  private shown = '';

  draw(cells: readonly number[]): void {
    const wanted = cells.join();
    if (wanted === this.shown) return;
    const before = this.shown.split(',');
    this.shown = wanted;
    while (this.element.children.length < cells.length) this.element.append(make('i'));
    while (this.element.children.length > cells.length) this.element.lastElementChild?.remove();
    cells.forEach((cell, index) => {
      const square = this.element.children[index] as HTMLElement;
      square.style.background = cell === EMPTY_CELL ? '' : colourOf(cell);
      const isNew = before[index] !== String(cell) && cell !== EMPTY_CELL;
      if (isNew) restartAnimation(square, 'is-new');
    });
  }
}

export function colourOf(cell: number): string {
  return `hsl(${(cell * 47) % 360} ${60 + (cell % 20)}% ${44 + ((cell >> 8) % 16)}%)`;
}

function restartAnimation(element: HTMLElement, name: string): void {
  element.classList.remove(name);
  void element.offsetWidth;
  element.classList.add(name);
}

function tool(name: string, sign: IconName, onClick: () => void): HTMLButtonElement {
  const button = make('button', { type: 'button', class: 'tool', 'data-tool': name }, icon(sign));
  button.addEventListener('click', onClick);
  return button;
}

function label(button: HTMLButtonElement, text: string): void {
  setAttribute(button, 'aria-label', text);
  setAttribute(button, 'title', text);
}

function drawClock(button: HTMLButtonElement, clock: string): void {
  if (clock === '') setIcon(button, 'clock');
  else setText(button, clock);
  button.classList.toggle('is-off', clock !== '');
}

export class ClientCard {
  readonly element: HTMLElement;
  private readonly face: HTMLButtonElement;
  private readonly title = make('span', { class: 'machine-name' });
  private readonly state = make('span', { class: 'machine-state' });
  private readonly badge = make('span', { class: 'machine-badge' });
  private readonly cells = new Cells();
  private readonly write: HTMLButtonElement;
  private readonly power: HTMLButtonElement;
  private readonly clock: HTMLButtonElement;

  constructor(readonly number: number, readonly place: Place, touch: OnTouch) {
    this.face = make('button', { type: 'button', class: 'machine-face' }, this.title, this.state, this.cells.element, this.badge);
    this.face.addEventListener('click', () => touch({ what: 'select', machine: number }));
    this.write = tool('write', 'pencil', () => touch({ what: 'write', machine: number }));
    this.clock = tool('clock', 'clock', () => touch({ what: 'clock', machine: number }));
    this.power = tool('power', 'power', () => touch({ what: 'power', machine: number }));
    const tools = make('span', { class: 'tools' }, this.write, this.clock, this.power);
    this.element = make('article', { class: 'machine client', 'data-client': number }, this.face, tools);
    this.element.style.left = `${place.x}%`;
    this.element.style.top = `${place.y}%`;
  }

  draw(client: Client, world: World, isSelected: boolean): void {
    const name = clientName(this.number, world);
    const clock = clockText(client.offset_ms);
    this.element.hidden = client.absent;
    setAttribute(this.element, 'data-state', stateText(client));
    setAttribute(this.element, 'data-agrees', String(client.agrees));
    setAttribute(this.element, 'data-core', String(!world.second_phase || client.core));
    setText(this.title, name);
    setText(this.state, stateText(client));
    this.cells.draw(client.cells);
    setText(this.badge, client.unacked > 0 ? `${client.unacked} unsaved` : '');
    drawClock(this.clock, clock);
    setAttribute(this.face, 'aria-pressed', String(isSelected));
    const kind = client.edge ? 'edge function' : 'device';
    const agrees = client.agrees ? 'holds what the server holds' : 'differs from the server';
    const unsaved = client.unacked > 0 ? `, ${client.unacked} writes not confirmed` : '';
    setAttribute(this.face, 'aria-label', `${name}, ${kind}: ${stateText(client)}, ${client.entries} notes, ${agrees}${unsaved}`);
    label(this.write, `${name} writes a note`);
    label(this.clock, clock === '' ? `Set the clock of ${name} an hour ahead` : `Set the clock of ${name} right (it is off by ${clock})`);
    label(this.power, client.running ? `Kill ${name}` : `Start ${name} again`);
  }
}

export class ServerCard {
  readonly element: HTMLElement;
  private readonly face: HTMLButtonElement;
  private readonly state = make('span', { class: 'machine-state' });
  private readonly cells = new Cells();
  private readonly disk = make('span', { class: 'disk', role: 'group', 'aria-label': 'Disk of the server' });
  private readonly power: HTMLButtonElement;
  private readonly clock: HTMLButtonElement;

  constructor(place: Place, private readonly touch: OnTouch) {
    this.face = make('button', { type: 'button', class: 'machine-face' }, make('span', { class: 'machine-name' }, 'Server'), this.state, this.cells.element);
    this.face.addEventListener('click', () => touch({ what: 'select', machine: 'server' }));
    this.clock = tool('clock', 'clock', () => touch({ what: 'clock', machine: 'server' }));
    this.power = tool('power', 'power', () => touch({ what: 'power', machine: 'server' }));
    const tools = make('span', { class: 'tools' }, this.clock, this.power);
    this.element = make('article', { class: 'machine server' }, this.face, this.disk, tools);
    this.element.style.left = `${place.x}%`;
    this.element.style.top = `${place.y}%`;
  }

  draw(node: ServerNode, isSelected: boolean): void {
    const clock = clockText(node.offset_ms);
    const state = serverState(node);
    setAttribute(this.element, 'data-state', state);
    setText(this.state, state);
    this.cells.draw(node.cells);
    this.drawDisk(node.files);
    this.disk.classList.toggle('is-full', node.disk_full);
    drawClock(this.clock, clock);
    setAttribute(this.face, 'aria-pressed', String(isSelected));
    setAttribute(this.face, 'aria-label', `Server: ${state}, ${node.entries} notes, ${node.connections} connections`);
    label(this.clock, clock === '' ? 'Set the clock of the server 10 seconds ahead' : `Set the clock of the server right (it is off by ${clock})`);
    label(this.power, node.running ? 'Pull the plug of the server' : 'Start the server again');
  }

  private drawDisk(files: readonly DiskFile[]): void {
    const shown = files.map((file, index) => ({ file, index })).filter(({ file }) => file.bytes > 0);
    while (this.disk.children.length < shown.length) this.disk.append(make('button', { type: 'button', class: 'file' }));
    while (this.disk.children.length > shown.length) this.disk.lastElementChild?.remove();
    shown.forEach(({ file, index }, position) => {
      const button = this.disk.children[position] as HTMLButtonElement;
      const unsynced = file.unsynced > 0 ? `, ${file.unsynced} sectors not synced` : '';
      label(button, `${fileName(file)}, ${Math.ceil(file.bytes / 1024)} KiB${unsynced}: flip a stored bit`);
      setText(button, fileKind(file));
      button.classList.toggle('is-unsynced', file.unsynced > 0);
      button.onclick = () => this.touch({ what: 'flip', file: index });
    });
  }
}

export function serverState(node: ServerNode): string {
  if (!node.running) return 'down';
  if (node.paused) return 'stands still';
  if (node.log_failed) return 'read only';
  return 'up';
}

function fileName(file: DiskFile): string {
  return file.path.split('/').at(-1) ?? file.path;
}

/** What a file is, in a word. */
export function fileKind(file: DiskFile): string {
  if (file.path.endsWith('-wal')) return 'wal';
  if (file.path.endsWith('.db')) return 'db';
  return file.path.endsWith('.log') ? 'log' : 'file';
}
