// The list of stories, and the one that is being told.

import type { BugStory } from './bug_story.js';
import { Director } from './director.js';
import { make, setText } from './dom.js';
import type { Player } from './player.js';
import { showSpaceTime } from './space_time.js';
import type { Stage } from './stage.js';
import { STORIES, type Story } from './stories.js';

export class StoryPanel {
  private story: Story | undefined;
  private index = 0;
  private director: Director | undefined;
  private readonly next = make('button', { type: 'button', class: 'primary', 'data-do': 'next' }, 'Next');
  private readonly back = make('button', { type: 'button', class: 'quiet', 'data-do': 'previous' }, 'Back');
  private readonly leave = make('button', { type: 'button', class: 'quiet' }, 'All stories');
  private readonly progress = make('p', { class: 'story-progress' });
  private readonly text = make('p', { class: 'story-text', 'aria-live': 'polite' });
  private readonly note = make('p', { class: 'story-note', role: 'status' });
  private readonly extra = make('div', { class: 'story-extra' });

  constructor(private readonly root: HTMLElement, private readonly player: Player, private readonly stage: Stage, private readonly bug: BugStory) {
    this.next.addEventListener('click', () => void this.turn(1));
    this.back.addEventListener('click', () => void this.turn(-1));
    this.leave.addEventListener('click', () => this.list());
    this.list();
  }

  /** Gives the stage up to somebody else. */
  stop(): void {
    this.director?.stop();
    this.director = undefined;
    this.stage.spotlight(undefined);
    this.bug.stop();
    showSpaceTime();
  }

  list(): void {
    this.stop();
    this.story = undefined;
    const cards = STORIES.map((story, number) => {
      const card = make('button', { type: 'button', class: 'story-card', 'data-story': story.id },
        make('b', {}, `${number + 1}. ${story.title}`), make('span', {}, story.teaser));
      card.addEventListener('click', () => void this.tell(story));
      return make('li', {}, card);
    });
    this.root.replaceChildren(make('h2', {}, 'Five stories'), make('p', { class: 'lead' }, 'For people who have never thought about distributed systems. Each runs the real code; you press Next.'), make('ul', { class: 'story-list' }, ...cards));
  }

  async tell(story: Story): Promise<void> {
    this.stop();
    this.story = story;
    this.index = 0;
    this.extra.replaceChildren();
    this.root.replaceChildren(make('h2', {}, story.title), this.progress, this.text, this.note, make('div', { class: 'row' }, this.back, this.next, this.leave), this.extra);
    this.root.setAttribute('data-story', story.id);
    this.director = this.newDirector();
    await this.play();
    this.next.focus();
  }

  private newDirector(): Director {
    return new Director(this.player, this.stage, this.bug, {
      say: (text) => setText(this.note, text),
      show: (...elements) => this.extra.replaceChildren(...elements),
    });
  }

  private async turn(by: 1 | -1): Promise<void> {
    const { story } = this;
    if (!story) return;
    if (this.index + by === story.steps.length) return this.list();
    this.index += by;
    if (by === 1) return this.play();
    // Back is the story again from its start, without the pictures in between.
    this.stop();
    const director = (this.director = this.newDirector());
    const hasty = director.isHasty;
    director.isHasty = true;
    this.extra.replaceChildren();
    const last = this.index;
    for (this.index = 0; this.index < last && this.director === director; this.index++) await this.play();
    this.index = last;
    director.isHasty = hasty;
    await this.play();
  }

  /** Plays the step that the story is at. */
  private async play(): Promise<void> {
    const { story, director } = this;
    const step = story?.steps[this.index];
    if (!story || !director || !step) return;
    this.setBusy(true);
    setText(this.progress, `${this.index + 1} of ${story.steps.length}`);
    setText(this.text, step.text);
    setText(this.note, '');
    director.point(undefined);
    try {
      await step.go?.(director);
    } catch (error) {
      if (director !== this.director) return;
      setText(this.note, error instanceof Error ? `The story stops here: ${error.message}.` : String(error));
      this.root.setAttribute('data-failed', 'true');
    }
    if (director === this.director) this.setBusy(false);
  }

  private setBusy(isBusy: boolean): void {
    this.root.setAttribute('data-busy', String(isBusy));
    this.next.disabled = isBusy;
    this.back.disabled = isBusy || this.index === 0;
    const isLast = this.story !== undefined && this.index === this.story.steps.length - 1;
    setText(this.next, isLast ? 'The end' : 'Next');
  }
}
