// SPDX-License-Identifier: Apache-2.0
// Shows a running matrix: as a live table on a terminal, elsewhere one line for each cell. Writes to standard error.
import type { Attempt, Cell } from '../../model/result/matrix.js';
import type { Outcome } from '../../model/result/outcome.js';
import { printable } from '../../util/text/escape.js';
import { cellText } from '../night/pair-result.js';
import type { TextStream } from './progress.js';
import { coloursFor, paint, seconds } from '../text/style.js';

/** `check`: the cell had ended, and also ran cold. */
type Next = 'done' | 'retry' | 'check';

export interface MatrixView {
  running(cell: Cell, worker: string): void;
  detail(cell: Cell, text: string): void;
  /** The cell is back in the queue. */
  waiting(cell: Cell, why: string): void;
  finished(cell: Cell, attempt: Attempt, next: Next): void;
  note(text: string): void;
  end(): void;
}

export interface ViewOptions {
  total: number;
  /** Cells that already have their outcome. */
  done: number;
  stream: TextStream;
  /** A monotonic clock, in milliseconds. */
  now?: () => number;
}

export function matrixView(options: ViewOptions): MatrixView {
  return options.stream.isTTY && !process.env['CI'] ? new LiveTable(options) : new PlainLines(options);
}

/** The expected time left, in milliseconds, from the pace of some cells; null while no cell has ended. */
export function timeLeft(elapsed: number, finished: number, left: number): number | null {
  return finished === 0 ? null : (elapsed / finished) * left;
}

/** The first cells of a plan boot; later ones start from what they saved. So the pace is that of this many cells. */
const RECENT = 20;

abstract class View {
  protected readonly began: number;
  protected readonly now: () => number;
  protected done: number;
  /** When each cell ended. */
  private readonly ends: number[] = [];

  constructor(protected readonly options: ViewOptions) {
    this.now = options.now ?? (() => performance.now());
    this.began = this.now();
    this.done = options.done;
  }

  protected count(next: Next): void {
    if (next !== 'done') return;
    this.done++;
    this.ends.push(this.now());
  }

  protected left(): string {
    const since = this.ends.at(-1 - RECENT) ?? this.began;
    const recent = Math.min(this.ends.length, RECENT);
    const ms = timeLeft(this.now() - since, recent, this.options.total - this.done);
    return ms === null || this.done === this.options.total ? '' : `about ${seconds(ms)} left`;
  }

  protected line(cell: Cell, attempt: Attempt, next: Next): string {
    const colours = coloursFor(this.options.stream);
    const verdict = paint(attempt.outcome, attempt.outcome.toUpperCase().padEnd(9), colours);
    const wrong = attempt.asExpected
      ? ''
      : attempt.outcome === 'infra'
        ? `  ${printable(attempt.title ?? '', 200)}${next === 'retry' ? '; tried again' : ''}`
        : `  ${colours.red(`EXPECTED ${cell.expected.outcome}`)} (${cell.expected.source})` +
          (attempt.title === null ? '' : `: ${printable(attempt.title, 200)}`);
    const cold = next === 'check' ? '  (also cold)' : '';
    return `${verdict}  ${cellText(cell)}${cold}  ${seconds(attempt.ms)}${wrong}`;
  }
}

class PlainLines extends View implements MatrixView {
  private say(text: string): void {
    this.options.stream.write(`[${seconds(this.now() - this.began).padStart(8)}] ${text}\n`);
  }

  running(): void {}

  detail(): void {}

  waiting(cell: Cell, why: string): void {
    this.say(`${cellText(cell)}: back in the queue, ${printable(why, 200)}`);
  }

  finished(cell: Cell, attempt: Attempt, next: Next): void {
    this.count(next);
    this.say(`${this.done}/${this.options.total}  ${this.line(cell, attempt, next)}  ${this.left()}`.trimEnd());
  }

  note(text: string): void {
    this.say(printable(text, 500));
  }

  end(): void {}
}

/** The table is drawn at most this many times a second. */
const FRAMES = 8;

class LiveTable extends View implements MatrixView {
  private readonly rows = new Map<string, { cell: Cell; worker: string; since: number; detail: string }>();
  private readonly counts = new Map<Outcome, number>();
  private unexpected = 0;
  private drawn = 0;
  private readonly timer = setInterval(() => this.draw(), 1000 / FRAMES).unref();

  running(cell: Cell, worker: string): void {
    this.rows.set(cell.id, { cell, worker, since: this.now(), detail: '' });
  }

  detail(cell: Cell, text: string): void {
    const row = this.rows.get(cell.id);
    if (row !== undefined) row.detail = text;
  }

  waiting(cell: Cell, why: string): void {
    this.rows.delete(cell.id);
    this.above(`${cellText(cell)}: back in the queue, ${printable(why, 200)}`);
  }

  finished(cell: Cell, attempt: Attempt, next: Next): void {
    this.rows.delete(cell.id);
    this.count(next);
    if (next === 'done') this.counts.set(attempt.outcome, (this.counts.get(attempt.outcome) ?? 0) + 1);
    if (attempt.asExpected) return;
    if (next === 'done') this.unexpected++;
    // Cells that end as expected are only counted; the line of any other cell stays on the terminal.
    this.above(this.line(cell, attempt, next));
  }

  note(text: string): void {
    this.above(printable(text, 500));
  }

  end(): void {
    clearInterval(this.timer);
    this.draw();
  }

  private above(text: string): void {
    this.erase();
    this.options.stream.write(`${text}\n`);
    this.draw();
  }

  private erase(): void {
    if (this.drawn > 0) this.options.stream.write(`\x1b[${this.drawn}A\x1b[0J`);
    this.drawn = 0;
  }

  private draw(): void {
    const { stream, total } = this.options;
    const colours = coloursFor(stream);
    const width = Math.max(40, stream.columns ?? 100) - 1;
    const counts = [...this.counts].map(([outcome, count]) => `${count} ${outcome}`).join(', ');
    const head = `${this.done}/${total}  ${seconds(this.now() - this.began)}  ${this.left()}  ${counts}`.trimEnd();
    const maxRows = Math.max(1, (stream.rows ?? 24) - 4);
    const rows = [...this.rows.values()]
      .slice(0, maxRows)
      .map(
        ({ cell, worker, since, detail }) =>
          `  ${seconds(this.now() - since).padStart(7)}  ${cellText(cell)}  ${printable(worker, 60)}  ` +
          printable(detail, 200),
      );
    if (this.rows.size > maxRows) rows.push(`  and ${this.rows.size - maxRows} more`);
    this.erase();
    const bad = this.unexpected === 0 ? '' : colours.red(`  ${this.unexpected} not as expected`);
    stream.write(
      [`${head.slice(0, width - (this.unexpected === 0 ? 0 : 24))}${bad}`, ...rows.map((row) => row.slice(0, width))]
        .map((row) => `${row}\n`)
        .join(''),
    );
    this.drawn = 1 + rows.length;
  }
}
