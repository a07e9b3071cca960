// The bar below the stage: play, step, back, speed, and a slider over the whole run.

import { make, one, setAttribute, setText } from './dom.js';
import { setIcon } from './icons.js';
import { SPEEDS, type Player, type Speed } from './player.js';
import { timeText } from './texts.js';
import type { Scenario, World } from './types.js';

const BACK_US = 1_000_000;
const SLIDER_STEPS = 1000;
// After the first phase a run goes on until all agree, and 100 s more; mostly that is all.
const REST_US = 110_000_000;
const QUIET_US = 60_000_000;

function speedName(speed: Speed): string {
  if (speed === 'auto') return 'follow messages';
  return speed < 1 ? `1/${Math.round(1 / speed)}` : `× ${speed}`;
}

export class Transport {
  private readonly slider: HTMLInputElement;
  private readonly canvas: HTMLCanvasElement;
  private readonly playButton: HTMLElement;
  private readonly face: HTMLElement;
  private readonly phase: HTMLElement;
  private readonly speed: HTMLSelectElement;
  private isDragging = false;
  private wantsTime: number | undefined;

  constructor(root: HTMLElement, private readonly player: Player) {
    this.slider = one<HTMLInputElement>(root, '.timeline input');
    this.canvas = one<HTMLCanvasElement>(root, '.ticks');
    this.playButton = one(root, '[data-do=play]');
    this.face = one(root, '.clock-face');
    this.phase = one(root, '.phase');
    this.speed = one<HTMLSelectElement>(root, '[data-do=speed]');
    this.speed.append(...SPEEDS.map((speed) => make('option', { value: speed }, speedName(speed))));
    this.speed.addEventListener('change', () => player.setSpeed(this.speed.value === 'auto' ? 'auto' : Number(this.speed.value)));
    this.playButton.addEventListener('click', () => (player.isPlaying ? player.pause() : player.play()));
    const on = (name: string, work: () => void): void => one(root, `[data-do=${name}]`).addEventListener('click', work);
    on('restart', () => this.stop(() => player.goTo(0)));
    on('back', () => this.stop(() => player.goTo((player.world?.now_us ?? 0) - BACK_US)));
    on('step', () => this.stop(() => player.step()));
    this.slider.addEventListener('input', () => void this.drag());
    this.slider.addEventListener('change', () => (this.isDragging = false));
    player.onView(({ world }) => this.draw(world));
    player.onState(() => this.drawState());
    new ResizeObserver(() => this.drawTicks()).observe(this.canvas);
  }

  private stop(work: () => Promise<void>): void {
    this.player.pause();
    void work();
  }

  /** Only the last of the places that the slider was dragged over is gone to. */
  private async drag(): Promise<void> {
    this.player.pause();
    const isIdle = this.wantsTime === undefined;
    this.isDragging = true;
    this.wantsTime = (Number(this.slider.value) / SLIDER_STEPS) * this.length();
    while (isIdle && this.wantsTime !== undefined) {
      const target: number = this.wantsTime;
      await this.player.goTo(target);
      if (this.wantsTime === target) this.wantsTime = undefined;
    }
  }

  private length(): number {
    const { world, scenario, run } = this.player;
    if (!world || !scenario) return 1;
    const usual = run?.kind === 'quiet' ? QUIET_US : world.healing_us + REST_US;
    return Math.max(usual, world.now_us);
  }

  private draw(world: World): void {
    setText(this.face, timeText(world.now_us));
    setText(this.phase, world.over ? 'the end' : world.second_phase ? 'healing' : this.player.run?.kind === 'quiet' ? '' : 'anything may break');
    if (!this.isDragging) this.slider.value = String(Math.round((world.now_us / this.length()) * SLIDER_STEPS));
    setAttribute(this.slider, 'aria-valuetext', timeText(world.now_us));
  }

  private drawState(): void {
    const { isPlaying, speed } = this.player;
    setIcon(this.playButton, isPlaying ? 'pause' : 'play');
    setAttribute(this.playButton, 'aria-label', isPlaying ? 'Pause' : 'Play');
    this.speed.value = String(speed);
    this.drawTicks();
  }

  /** A line for each step of the scenario: writes above, faults below. */
  private drawTicks(): void {
    const { canvas } = this;
    const scale = devicePixelRatio;
    canvas.width = canvas.clientWidth * scale;
    canvas.height = canvas.clientHeight * scale;
    const context = canvas.getContext('2d');
    const { scenario, world } = this.player;
    if (!context || !scenario || !world) return;
    const style = getComputedStyle(canvas);
    const x = (us: number): number => (us / this.length()) * canvas.width;
    for (const step of scenario.steps) this.tick(context, step, x(step.at_ms * 1000), style);
    if (this.player.run?.kind === 'quiet') return;
    context.fillStyle = style.getPropertyValue('--good');
    context.fillRect(x(world.healing_us), 0, 2 * scale, canvas.height);
  }

  private tick(context: CanvasRenderingContext2D, step: Scenario['steps'][number], x: number, style: CSSStyleDeclaration): void {
    const height = this.canvas.height;
    context.fillStyle = style.getPropertyValue(step.fault ? '--warn' : '--accent');
    context.globalAlpha = step.fault ? 0.9 : 0.45;
    context.fillRect(x, step.fault ? height * 0.45 : 0, Math.max(1, devicePixelRatio), step.fault ? height * 0.55 : height * 0.4);
    context.globalAlpha = 1;
  }
}
