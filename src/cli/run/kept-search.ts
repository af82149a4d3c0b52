// SPDX-License-Identifier: Apache-2.0
// What an interrupted `lab minimise` leaves: the smallest scenario so far, and all answers beside it. The same command
// continues from them.
import { relative } from 'node:path';
import { type Heading, smallestText } from '../../repro/minimise/origin.js';
import { KeptAnswers } from '../../repro/minimise/search/kept-answers.js';
import { writeWhole } from '../../store/write-whole.js';
import { continuingCommand, onInterruptKept } from '../common/interrupt.js';

export interface KeptSearchOptions {
  /** What the answers are about. */
  question: unknown;
  /** `again`: answers of an earlier search are forgotten. */
  start: 'continue' | 'again';
  /** The size of a scenario in a few words. */
  sizeOf: (yaml: string) => string;
}

export class KeptSearch {
  readonly answers: KeptAnswers;
  /** Answers that an earlier search has left. */
  readonly earlier: number;
  readonly done: () => void;
  private smallest: { text: string; size: string } | null = null;

  constructor(
    private readonly output: string,
    private readonly options: KeptSearchOptions,
  ) {
    this.answers = new KeptAnswers(`${output}.answers`, options);
    this.earlier = this.answers.count;
    const forget = onInterruptKept(() => this.lines());
    this.done = () => {
      this.answers.remove();
      forget();
    };
  }

  /** What an earlier search has left; null if there was none. */
  get continues(): string | null {
    if (this.earlier === 0 && this.answers.original === null) return null;
    return `continues: ${this.earlier} candidates have an answer (--rebuild forgets them)`;
  }

  /** The smallest scenario so far, in a few words. */
  get size(): string {
    return this.smallest?.size ?? 'the original';
  }

  /** Writes a smaller scenario at once, so that not even a kill loses it. */
  take(text: string, heading: Omit<Heading, 'state'>): void {
    if (text === this.smallest?.text) return;
    this.smallest = { text, size: this.options.sizeOf(text) };
    writeWhole(this.output, smallestText(text, { ...heading, state: 'so far' }));
  }

  private lines(): string[] {
    const { count, original } = this.answers;
    if (count === 0 && original === null) return [];
    const answers =
      `what is known of the original and ${count} candidates; to go on (--rebuild forgets it): ` + continuingCommand();
    return this.smallest === null
      ? [answers]
      : [`the smallest scenario so far (${this.smallest.size}), ${relative('.', this.output)}`, answers];
  }
}
