// SPDX-License-Identifier: Apache-2.0
// Shows a running hunt: as a few live rows on a terminal, elsewhere as a line at a steady interval. Writes to standard
// error. The interval does not depend on the machines: a kernel that hangs on everything is seen, too.
import type { HuntReport } from '../../model/hunt/hunt.js';
import { printable } from '../../util/text/escape.js';
import { findingsText, hourly, inState, rungRows } from '../hunt/text.js';
import { coloursFor, seconds } from '../text/style.js';
import type { TextStream } from './progress.js';

export interface HuntView {
  /** From now on the hunt is shown. */
  begin(): void;
  /** What is done about a finding right now; null for nothing. */
  doing(text: string | null): void;
  /** A line that stays. */
  note(text: string): void;
  end(): void;
}

export interface HuntViewOptions {
  stream: TextStream;
  /** Milliseconds and inputs after which it ends. */
  time: number;
  limit: number | null;
  report: () => HuntReport;
  /** A monotonic clock, in milliseconds. */
  now?: () => number;
}

export function huntView(options: HuntViewOptions): HuntView {
  return options.stream.isTTY && !process.env['CI'] ? new LiveRows(options) : new PlainLines(options);
}

/** Milliseconds. */
const LINE_EVERY = 10_000;
const FRAME_EVERY = 500;
/** The pace now is that of this time. */
const RECENT = 60_000;
const MAX_RUNGS = 4;
const MAX_SAMPLES = 120;

abstract class View {
  protected readonly now: () => number;
  protected began: number;
  protected what: string | null = null;
  private samples: { at: number; executions: number }[] = [];
  private first = { executions: 0, ms: 0 };
  private timer: NodeJS.Timeout | null = null;

  constructor(protected readonly options: HuntViewOptions) {
    this.now = options.now ?? (() => performance.now());
    this.began = this.now();
  }

  begin(): void {
    this.began = this.now();
    const { executions, ms } = this.options.report();
    this.first = { executions, ms };
    this.timer = setInterval(() => this.show(), this.every).unref();
    this.show();
  }

  doing(text: string | null): void {
    this.what = text;
  }

  end(): void {
    if (this.timer === null) return;
    clearInterval(this.timer);
    this.timer = null;
    this.what = null;
    this.show();
  }

  protected abstract readonly every: number;
  protected abstract show(): void;

  /** The parts of a line, each a few words. */
  protected parts(report: HuntReport): string[] {
    const { executions, curve, corpus, findings } = report;
    const overall = hourly(executions - this.first.executions, this.now() - this.began);
    const open = inState(findings, 'found').length;
    return [
      `${executions} inputs`,
      `${this.pace(executions)} an hour now, ${overall} overall`,
      this.rungs(report),
      `reached ${curve.at(-1)?.reached ?? 0}`,
      `corpus ${corpus}`,
      `${findingsText(findings)}${open === 0 ? '' : `, ${open} to confirm`}`,
      this.left(report),
    ].filter((part) => part !== '');
  }

  /** The pace of the most used rungs, one machine at a time. */
  private rungs(report: HuntReport): string {
    const rows = rungRows(report).filter(({ pace }) => pace > 0);
    return rows.length === 0
      ? ''
      : `an hour a machine: ${rows
          .slice(0, MAX_RUNGS)
          .map(({ rung, pace }) => `${rung} ${pace}`)
          .join(', ')}`;
  }

  /** Executions an hour in the last minute. */
  private pace(executions: number): number {
    const at = this.now();
    const newest = this.samples.at(-1);
    if (newest === undefined || at - newest.at >= RECENT / MAX_SAMPLES) this.samples.push({ at, executions });
    this.samples = this.samples.filter((sample) => at - sample.at <= RECENT).slice(-MAX_SAMPLES - 1);
    const [oldest] = this.samples;
    return oldest === undefined ? 0 : hourly(executions - oldest.executions, at - oldest.at);
  }

  private left({ executions }: HuntReport): string {
    const { time, limit } = this.options;
    const ms = this.first.ms + this.now() - this.began;
    const inputs = limit === null ? '' : ` or ${limit - executions} inputs`;
    return ms >= time || (limit !== null && executions >= limit)
      ? 'no more inputs start'
      : `${seconds(time - ms)}${inputs} left`;
  }
}

class PlainLines extends View implements HuntView {
  protected readonly every = LINE_EVERY;

  override doing(text: string | null): void {
    super.doing(text);
    if (text !== null) this.note(text);
  }

  note(text: string): void {
    this.options.stream.write(`[${seconds(this.now() - this.began).padStart(8)}] ${printable(text, 500)}\n`);
  }

  protected show(): void {
    this.note(this.parts(this.options.report()).join('; '));
  }
}

class LiveRows extends View implements HuntView {
  protected readonly every = FRAME_EVERY;
  private drawn = 0;

  note(text: string): void {
    this.erase();
    this.options.stream.write(`${printable(text, 500)}\n`);
  }

  override end(): void {
    super.end();
    this.drawn = 0;
  }

  protected show(): void {
    const { stream } = this.options;
    const report = this.options.report();
    const colours = coloursFor(stream);
    const width = Math.max(40, stream.columns ?? 100) - 1;
    const [inputs = '', pace = '', ...rest] = this.parts(report);
    const last = inState(report.findings, 'confirmed').at(-1);
    const rows = [
      `${seconds(this.now() - this.began)}  ${inputs}, ${pace}`,
      `  ${rest.join('; ')}`,
      ...(last === undefined ? [] : [`  last finding: ${last.outcome}: ${printable(last.title, 300)}`]),
      ...(this.what === null ? [] : [`  ${printable(this.what, 300)}`]),
    ].map((row) => row.slice(0, width));
    this.erase();
    stream.write(rows.map((row, n) => `${n === 2 && last !== undefined ? colours.red(row) : row}\n`).join(''));
    this.drawn = rows.length;
  }

  private erase(): void {
    if (this.drawn > 0) this.options.stream.write(`\x1b[${this.drawn}A\x1b[0J`);
    this.drawn = 0;
  }
}
