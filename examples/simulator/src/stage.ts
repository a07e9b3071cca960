// The picture: machines, the links between them, and the messages on their way.

import { make, makeSvg, prefersReducedMotion, setAttribute, setText } from './dom.js';
import { setIcon } from './icons.js';
import { placesAround, serverPlace, type Place } from './layout.js';
import { ClientCard, ServerCard, type OnTouch } from './machines.js';
import { CATEGORY_LABEL, categoryOf, clientName } from './texts.js';
import type { Flight, Happening, View, World } from './types.js';

// The drawing's own units: percent of the width, and of the height times the aspect.
const WIDTH = 1000;
const LANE = 7;
const FLIGHTS_MAX = 160;
const LABELS_FOR_CLIENTS_MAX = 6;

interface Dot {
  readonly group: SVGGElement;
  readonly circle: SVGCircleElement;
  readonly label: SVGTextElement;
  readonly title: SVGTitleElement;
}

export class Stage {
  private readonly drawing = makeSvg('svg', { class: 'wires', 'aria-hidden': 'true' });
  private readonly lines = makeSvg('g');
  private readonly flights = makeSvg('g');
  private readonly dots: Dot[] = [];
  private readonly links: { line: SVGLineElement; hit: SVGLineElement; button: HTMLButtonElement }[] = [];
  private cards: ClientCard[] = [];
  private server: ServerCard | undefined;
  private height = 600;
  private selected: number | 'server' | undefined;
  private drawn: World | undefined;

  constructor(private readonly root: HTMLElement, private readonly touch: OnTouch) {
    this.drawing.append(this.lines, this.flights);
    new ResizeObserver(() => this.resize()).observe(root);
  }

  select(machine: number | 'server' | undefined): void {
    this.selected = machine;
    if (this.drawn) this.drawMachines(this.drawn);
  }

  /** Points at something: a client's number, 'server', 'disk', or nothing. */
  spotlight(target: number | 'server' | 'disk' | undefined): void {
    for (const element of this.root.querySelectorAll('.is-lit')) element.classList.remove('is-lit');
    if (target === undefined) return;
    const selector = target === 'disk' ? '.disk' : target === 'server' ? '.server' : `[data-client="${target}"]`;
    this.root.querySelector(selector)?.classList.add('is-lit');
  }

  draw({ world, happened }: View): void {
    if (world.clients.length !== this.cards.length) this.setUp(world);
    this.drawn = world;
    this.drawMachines(world);
    this.drawLinks(world);
    this.drawFlights(world);
    if (!prefersReducedMotion()) this.drawLosses(happened);
  }

  private setUp(world: World): void {
    this.root.replaceChildren(this.drawing);
    this.root.classList.toggle('is-crowd', world.clients.length > LABELS_FOR_CLIENTS_MAX);
    this.lines.replaceChildren();
    this.links.length = 0;
    const places = placesAround(world.clients.length, WIDTH / this.height);
    this.cards = places.map((place, number) => new ClientCard(number, place, this.touch));
    this.server = new ServerCard(this.center, this.touch);
    for (const card of this.cards) this.addLink(card);
    this.root.append(this.server.element, ...this.cards.map(({ element }) => element));
    this.resize();
  }

  private addLink(card: ClientCard): void {
    const cut = (): void => this.touch({ what: 'link', machine: card.number });
    const button = make('button', { type: 'button', class: 'link', 'data-link': card.number });
    button.addEventListener('click', cut);
    const line = makeSvg('line', { class: 'wire' });
    const hit = makeSvg('line', { class: 'wire-hit' });
    hit.addEventListener('click', cut);
    this.lines.append(line, hit);
    this.links.push({ line, hit, button });
    this.root.append(button);
  }

  private resize(): void {
    const { clientWidth, clientHeight } = this.root;
    if (clientWidth === 0) return;
    this.height = (WIDTH * clientHeight) / clientWidth;
    this.drawing.setAttribute('viewBox', `0 0 ${WIDTH} ${this.height}`);
    if (this.drawn) {
      this.drawLinks(this.drawn);
      this.drawFlights(this.drawn);
    }
  }

  private at({ x, y }: Place): Place {
    return { x: (x * WIDTH) / 100, y: (y * this.height) / 100 };
  }

  private drawMachines(world: World): void {
    this.server?.draw(world.node, this.selected === 'server');
    for (const card of this.cards) {
      const client = world.clients[card.number];
      if (client) card.draw(client, world, this.selected === card.number);
    }
  }

  private drawLinks(world: World): void {
    const server = this.at(this.center);
    this.links.forEach(({ line, hit, button }, number) => {
      const client = world.clients[number];
      const card = this.cards[number];
      if (!client || !card) return;
      const end = this.at(card.place);
      for (const element of [line, hit]) {
        setAttribute(element, 'x1', end.x.toFixed(1));
        setAttribute(element, 'y1', end.y.toFixed(1));
        setAttribute(element, 'x2', server.x.toFixed(1));
        setAttribute(element, 'y2', server.y.toFixed(1));
      }
      const isCut = client.cut_to_node || client.cut_to_client;
      const state = client.absent ? 'absent' : isCut ? 'cut' : client.running ? client.status : 'offline';
      setAttribute(line, 'data-state', state);
      // Half way, but nearer to the client: there is room.
      const share = 0.5;
      button.style.left = `${card.place.x + (this.center.x - card.place.x) * share}%`;
      button.style.top = `${card.place.y + (this.center.y - card.place.y) * share}%`;
      button.hidden = client.absent;
      const name = clientName(number, world);
      const label = isCut ? `Heal the connection of ${name}` : `Cut the connection of ${name}`;
      setAttribute(button, 'aria-label', label);
      setAttribute(button, 'title', label);
      setAttribute(button, 'aria-pressed', String(isCut));
      setIcon(button, isCut ? 'cross' : 'cut');
    });
  }

  private drawFlights(world: World): void {
    const shown = world.in_flight.slice(0, FLIGHTS_MAX);
    while (this.dots.length < shown.length) this.dots.push(this.addDot());
    this.dots.forEach((dot, index) => {
      const flight = shown[index];
      dot.group.style.display = flight ? '' : 'none';
      if (flight) this.drawFlight(dot, flight, world);
    });
  }

  private addDot(): Dot {
    const group = makeSvg('g', { class: 'flight' });
    const circle = makeSvg('circle', { r: 7 });
    const label = makeSvg('text', { y: -12, 'text-anchor': 'middle' });
    const title = makeSvg('title');
    group.append(title, circle, label);
    this.flights.append(group);
    return { group, circle, label, title };
  }

  private drawFlight({ group, circle, label, title }: Dot, flight: Flight, world: World): void {
    const client = this.at(this.cards[flight.client]?.place ?? this.center);
    const server = this.at(this.center);
    const [from, to] = flight.to_node ? [client, server] : [server, client];
    const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
    const farthest = isCut(world, flight) ? 0.38 : 1;
    const share = Math.min(farthest, Math.max(0, (world.now_us - flight.sent) / Math.max(1, flight.arrives - flight.sent)));
    // Frames keep to the right of their way, so that both directions can be told apart. They start and
    // end at the cards' edges, not behind them.
    const [start, end] = this.edges(length);
    const along = start + (end - start) * share;
    const x = from.x + ((to.x - from.x) / length) * along - ((to.y - from.y) / length) * LANE;
    const y = from.y + ((to.y - from.y) / length) * along + ((to.x - from.x) / length) * LANE;
    const category = categoryOf(flight.messages);
    setAttribute(group, 'transform', `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
    setAttribute(group, 'data-category', category);
    setAttribute(circle, 'r', category === 'beat' || category === 'connect' ? '3.5' : this.isCrowd ? '5' : '7.5');
    setText(label, this.isCrowd ? '' : CATEGORY_LABEL[category]);
    setText(title, `${flight.messages.join(', ') || 'connecting'}: ${flight.bytes} bytes ${flight.to_node ? 'to' : 'from'} the server`);
  }

  private get center(): Place {
    return serverPlace(this.cards.length);
  }

  private get isCrowd(): boolean {
    return this.cards.length > LABELS_FOR_CLIENTS_MAX;
  }

  private edges(length: number): readonly [number, number] {
    const margin = Math.min(length / 3, this.isCrowd ? 30 : 70);
    return [margin, length - margin];
  }

  /** A cross where a frame was lost. */
  private drawLosses(happened: readonly Happening[]): void {
    for (const happening of happened.slice(-12)) {
      if (happening.event !== 'frame' || !happening.lost) continue;
      const client = this.at(this.cards[happening.client]?.place ?? this.center);
      const server = this.at(this.center);
      const x = client.x + (server.x - client.x) * 0.45;
      const y = client.y + (server.y - client.y) * 0.45;
      const cross = makeSvg('path', { class: 'loss', d: 'M-7-7L7 7M7-7L-7 7', transform: `translate(${x} ${y})` });
      cross.addEventListener('animationend', () => cross.remove());
      this.lines.append(cross);
    }
  }
}

/** Whether the connection is cut in the direction of the frame. */
function isCut(world: World, { client, to_node }: Flight): boolean {
  const end = world.clients[client];
  return end !== undefined && (to_node ? end.cut_to_node : end.cut_to_client);
}
