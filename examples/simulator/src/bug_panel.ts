// "Plant a bug": switch one on, watch it being caught, made small, and explained.

import { make, setText } from './dom.js';
import { Lab, SEEDS_MAX, type Caught, type Small } from './lab.js';
import type { Player } from './player.js';
import { showSpaceTime } from './space_time.js';
import { PROMISES, stepText } from './texts.js';
import type { Catalog, Mutant } from './types.js';

const SPEED_TO_THE_CRASH = 100;

export class BugPanel {
  private readonly lab = new Lab();
  private readonly list = make('select', { 'aria-label': 'The bug to plant', size: 8 });
  private readonly plant = make('button', { type: 'button', class: 'primary' }, 'Plant it and run');
  private readonly cancel = make('button', { type: 'button', class: 'quiet', hidden: true }, 'Stop');
  private readonly about = make('p', { class: 'bug-text' });
  private readonly progress = make('p', { class: 'bug-progress', role: 'status' });
  private readonly report = make('div', { class: 'bug-report' });
  private mutants: readonly Mutant[] = [];

  constructor(root: HTMLElement, private readonly player: Player) {
    root.append(
      make('h2', {}, 'Plant a bug'),
      make('p', { class: 'lead' }, 'Each of these is one changed line in the product’s code, compiled in and switched off. Switch one on: the simulator runs seed after seed until a promise breaks, then drops everything that does not matter.'),
      this.list,
      this.about,
      make('div', { class: 'row' }, this.plant, this.cancel),
      this.progress,
      this.report,
    );
    this.list.addEventListener('change', () => setText(this.about, this.chosen()?.text ?? ''));
    this.plant.addEventListener('click', () => void this.go());
    this.cancel.addEventListener('click', () => this.lab.stop());
  }

  fill(catalog: Catalog): void {
    this.mutants = catalog.mutants;
    this.list.append(...catalog.mutants.map(({ number, name }) => make('option', { value: number }, `${number} · ${name}`)));
    this.choose(21);
  }

  choose(mutant: number): void {
    this.list.value = String(mutant);
    setText(this.about, this.chosen()?.text ?? '');
  }

  private chosen(): Mutant | undefined {
    return this.mutants.find(({ number }) => number === Number(this.list.value));
  }

  private async go(): Promise<void> {
    const mutant = this.chosen();
    if (!mutant) return;
    this.setBusy(true);
    this.report.replaceChildren();
    showSpaceTime();
    try {
      await this.hunt(mutant);
    } catch (error) {
      setText(this.progress, error instanceof Error && error.message === 'stopped' ? 'Stopped.' : String(error));
    }
    this.setBusy(false);
  }

  private async hunt(mutant: Mutant): Promise<void> {
    setText(this.progress, 'Running seed 1…');
    const caught = await this.lab.hunt(mutant.number, 'lite', (seeds) => setText(this.progress, `Running seeds… ${seeds} without a broken promise`));
    if (!caught) return setText(this.progress, `Not caught in ${SEEDS_MAX} small worlds. The scoreboard in docs/simulation.md tells which bugs need larger ones.`);
    setText(this.progress, `Caught by seed ${caught.outcome.seed}. Making it small…`);
    await this.player.open(caught.run);
    this.player.setSpeed(SPEED_TO_THE_CRASH);
    this.player.play();
    const small = await this.lab.shrink(caught, (steps) =>
      setText(this.progress, `Caught by seed ${caught.outcome.seed}. Making it small… ${counted(steps, 'step', 'steps')} left`));
    setText(this.progress, `Caught by seed ${caught.outcome.seed}.`);
    showSpaceTime(small?.events);
    this.report.replaceChildren(...reportOf(mutant, caught, small, (chosen) => void this.watch(chosen)));
  }

  private async watch(small: Small): Promise<void> {
    await this.player.open(small.run);
    this.player.setSpeed('auto');
    this.player.play();
  }

  private setBusy(isBusy: boolean): void {
    this.plant.disabled = isBusy;
    this.list.disabled = isBusy;
    this.cancel.hidden = !isBusy;
  }
}

/** What was found, as elements. `watch` puts the small case on the stage. */
export function reportOf(mutant: Mutant, caught: Caught, small: Small | undefined, watch: (small: Small) => void): HTMLElement[] {
  const violation = small?.shrunk ?? caught.outcome.violation;
  if (!violation) return [];
  const promise = PROMISES.find(({ id }) => id === violation.invariant);
  const elements = [
    make('h3', {}, promise ? `Broken: ${promise.name} (${promise.id})` : `Broken: ${violation.invariant}`),
    make('p', {}, promise ? promise.text : ''),
    make('p', { class: 'bug-detail' }, violation.detail),
    make('p', {}, `The bug: ${mutant.text}.`),
  ];
  if (!small) return elements;
  const { operations, clients, families, runs, scenario } = small.shrunk;
  const counts = `${counted(operations, 'write', 'writes')}, ${counted(clients, 'client', 'clients')}, ${counted(families, 'kind of fault', 'kinds of faults')}`;
  const button = make('button', { type: 'button', class: 'primary' }, 'Watch the small case');
  button.addEventListener('click', () => watch(small));
  const steps = scenario.steps.map((step) => make('li', {}, make('time', {}, `${(step.at_ms / 1000).toFixed(3)} s`), ` ${stepText(step)}`));
  const rates = Object.keys(scenario.rates).filter((family) => !scenario.steps.some(({ kind }) => kind === family));
  return [
    ...elements,
    make('h3', {}, 'All it takes'),
    make('p', { class: 'bug-size' }, `${counts}; found by ${runs} runs.`),
    make('ol', { class: 'bug-steps' }, ...steps),
    ...(rates.length > 0 ? [make('p', { class: 'hint' }, `Also needed: ${rates.join(', ')}.`)] : []),
    button,
  ];
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
