import { BugPanel } from './bug_panel.js';
import { BugStory } from './bug_story.js';
import { make, one, setText } from './dom.js';
import { Fingerprint } from './fingerprint.js';
import { touch } from './hands.js';
import { setIcon, type IconName } from './icons.js';
import { Inspector } from './inspector.js';
import { readLink, writeLink } from './link.js';
import { Log } from './log.js';
import type { Touch } from './machines.js';
import { Player } from './player.js';
import { Promises } from './promises.js';
import { Simulator } from './simulator.js';
import { Stage } from './stage.js';
import { StoryPanel } from './story_panel.js';
import { Tabs } from './tabs.js';
import { Transport } from './transport.js';
import type { Catalog, Run } from './types.js';

const SEEDS_TO_OFFER = 200;

async function main(): Promise<void> {
  for (const element of document.querySelectorAll<HTMLElement>('[data-icon]')) setIcon(element, element.dataset['icon'] as IconName);
  const simulator = new Simulator();
  const player = new Player(simulator);
  const stage = new Stage(one(document, '.stage'), (what) => void onTouch(what));
  const inspector = new Inspector(one(document, '.inspector'), player, simulator);
  const bugStory = new BugStory();
  const stories = new StoryPanel(one(document, '#panel-stories'), player, stage, bugStory);
  const bugs = new BugPanel(one(document, '#panel-bug'), player);
  const tabs = new Tabs(one(document, '.modes'));
  new Transport(one(document, '.theatre'), player);
  new Promises(one(document, '.promises'), player);
  new Fingerprint(one(document, '.fingerprint'), player);
  new Log(one(document, '.log'), player);
  player.onView((view) => stage.draw(view));
  player.onView(({ world }) => setText(one(document, '.verdict'), verdict(player, world.violation?.detail)));
  tabs.onChange((tab) => {
    if (tab !== 'stories') stories.stop();
  });

  async function onTouch(what: Touch): Promise<void> {
    if (what.what === 'select') {
      stage.select(what.machine);
      inspector.show(what.machine);
      if (tabs.current === 'stories') tabs.show('explore');
      return;
    }
    await touch(player, what);
  }

  async function open(run: Run): Promise<void> {
    stage.select(undefined);
    inspector.show(undefined);
    await player.open(run);
    setText(one(document, '.run-faults'), faultsOf(player));
    writeLink(run);
  }

  const catalog = await simulator.ask('catalog', {});
  bugs.fill(catalog);
  bugStory.fill(catalog);
  const form = one<HTMLFormElement>(document, '.run-form');
  fillForm(form, catalog);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void open(runOf(form));
  });
  one(form, '[data-do=random]').addEventListener('click', () => {
    field(form, 'seed').value = String(1 + Math.floor(Math.random() * SEEDS_TO_OFFER));
    void open(runOf(form));
  });

  const linked = readLink(location.hash);
  if (linked) {
    tabs.show('explore');
    if (linked.kind === 'seed') setForm(form, linked);
    await open(linked);
    writeLink(linked);
  } else {
    await player.open({ kind: 'quiet', seed: 7, clients: 3, mutant: 0 });
    await player.goTo(2_000_000);
  }
  addEventListener('hashchange', () => {
    const next = readLink(location.hash);
    if (next) void open(next);
  });
  document.documentElement.dataset['ready'] = 'true';
}

function verdict(player: Player, detail: string | undefined): string {
  if (player.trap !== '') return `The run stopped: ${player.trap}.`;
  const { world } = player;
  if (world?.violation) return `${world.violation.invariant} is broken: ${detail ?? ''}.`;
  return world?.over ? 'The run is over. Every promise was kept.' : '';
}

function faultsOf(player: Player): string {
  const faults = Object.keys(player.scenario?.rates ?? {});
  return faults.length === 0 ? 'Nothing goes wrong in this world by itself.' : `May go wrong in this world: ${faults.join(', ')}.`;
}

function field(form: HTMLFormElement, name: string): HTMLInputElement | HTMLSelectElement {
  return one<HTMLInputElement | HTMLSelectElement>(form, `[name=${name}]`);
}

function fillForm(form: HTMLFormElement, { mutants }: Catalog): void {
  const options = mutants.map(({ number, name }) => make('option', { value: number }, `${number} · ${name}`));
  field(form, 'mutant').append(make('option', { value: 0 }, 'none'), ...options);
  field(form, 'seed').value = '1';
}

function runOf(form: HTMLFormElement): Run {
  const profile = field(form, 'profile').value;
  if (profile !== 'lite' && profile !== 'standard' && profile !== 'full') throw new Error('no such world');
  return { kind: 'seed', seed: Number(field(form, 'seed').value), profile, mutant: Number(field(form, 'mutant').value) };
}

function setForm(form: HTMLFormElement, run: Run & { kind: 'seed' }): void {
  field(form, 'seed').value = String(run.seed);
  field(form, 'profile').value = run.profile;
  field(form, 'mutant').value = String(run.mutant);
}

main().catch((error: unknown) => {
  one(document, '.verdict').textContent = `This page could not start. ${String(error)}`;
});
if ('serviceWorker' in navigator) void navigator.serviceWorker.register('service-worker.js');
