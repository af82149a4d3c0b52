// SPDX-License-Identifier: Apache-2.0
// What a hunt has done, one line for each input, in the order of the inputs. After a kill the hunt continues with the
// first input that has no line; a line that was cut short does not count.
import { appendFileSync, existsSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { z } from 'zod';
import { writeWhole } from '../../store/write-whole.js';
import { isDiskFull, LabError, messageOf } from '../../util/errors.js';
import { parseJson } from '../../util/json.js';
import { GENERATORS } from '../input.js';

const generator = z.enum(GENERATORS);
const lineSchema = z.object({
  i: z.number().int(),
  generator,
  kind: z.enum(['allowed', 'finding', 'policy', 'infra']),
  outcome: z.string(),
  /** Where the machine started: a rung, or `cold`; null if none started. */
  rung: z.string().nullable().default(null),
  /** Milliseconds of the execution, and since the hunt began without pauses. */
  ms: z.number(),
  at: z.number(),
  /** What was reached in all. */
  reached: z.number().int(),
});
export type Line = z.output<typeof lineSchema>;

const totalsSchema = z.object({
  question: z.string(),
  /** The next input. */
  next: z.number().int(),
  at: z.number(),
  /** Counts by generator, kind and outcome, as `bytes allowed lost`. */
  counts: z.record(z.string(), z.number()),
  /** Executions by where the machine started. */
  rungs: z.record(z.string(), z.number()).default({}),
  /** Milliseconds of these executions, by where the machine started. */
  spent: z.record(z.string(), z.number()).default({}),
  /** Executions in each hour. */
  hours: z.array(z.number()).default([]),
  curve: z.array(z.object({ at: z.number(), executions: z.number(), reached: z.number() })),
});
export type Totals = z.output<typeof totalsSchema>;

/** With more lines than this, the file becomes one line of totals. */
const MAX_LINES = 20_000;
const MAX_POINTS = 500;
/** Two points of the curve are a second apart, or this part of the time until then. */
const GAP = 1 / 60;
const HOUR = 3_600_000;
/** A later hour counts as the last one. */
const MAX_HOURS = 10_000;

export class Journal {
  readonly totals: Totals;
  private lines = 0;

  /** @param question what makes inputs differ; a journal of another question cannot be continued */
  constructor(
    private readonly path: string,
    question: string,
  ) {
    this.totals = { question, next: 0, at: 0, counts: {}, rungs: {}, spent: {}, hours: [], curve: [] };
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    const [head = '', ...rest] = whole.split('\n');
    const totals = parseJson(head, totalsSchema);
    if (totals === null) {
      if (whole !== '') throw new LabError(`${path} is damaged`, { hint: 'use another --corpus' });
      this.compact();
      return;
    }
    if (totals.question !== question)
      throw new LabError(`${path} belongs to a hunt with another seed, other kernels or generators`, {
        hint: 'repeat the options of that hunt, or name another --corpus',
      });
    this.totals = totals;
    // In the order of the file; anything behind a damaged line is done again.
    for (const each of rest) {
      const line = each === '' ? null : parseJson(each, lineSchema);
      if (line === null || line.i !== this.totals.next) break;
      this.count(line);
    }
    this.compact();
  }

  /** Throws a LabError if the disk is full: nothing of the line stays. */
  add(line: Line): void {
    const before = statSync(this.path).size;
    try {
      appendFileSync(this.path, `${JSON.stringify(line)}\n`);
    } catch (error) {
      try {
        truncateSync(this.path, before);
      } catch {
        // A reader leaves out a line without an end.
      }
      throw new LabError(`${this.path} cannot be written: ${messageOf(error)}`, {
        cause: error,
        hint: isDiskFull(error) ? 'free some space; the same command continues' : null,
      });
    }
    this.count(line);
    if (++this.lines > MAX_LINES) this.compact();
  }

  private count({ i, generator: by, kind, outcome, rung, ms, at, reached }: Line): void {
    const { totals } = this;
    totals.next = i + 1;
    totals.at = at;
    const key = `${by} ${kind} ${outcome}`;
    totals.counts[key] = (totals.counts[key] ?? 0) + 1;
    if (rung !== null) {
      totals.rungs[rung] = (totals.rungs[rung] ?? 0) + 1;
      totals.spent[rung] = (totals.spent[rung] ?? 0) + ms;
    }
    const hour = Math.min(MAX_HOURS, Math.floor(at / HOUR));
    while (totals.hours.length <= hour) totals.hours.push(0);
    totals.hours[hour] = (totals.hours[hour] ?? 0) + 1;
    const point = { at, executions: totals.next, reached };
    // The last point is where the hunt is now.
    const before = totals.curve.at(-2);
    if (before !== undefined && at - before.at < Math.max(1000, at * GAP)) totals.curve.pop();
    totals.curve.push(point);
    if (totals.curve.length > MAX_POINTS) totals.curve = totals.curve.filter((_, index) => index % 2 === 0);
  }

  private compact(): void {
    writeWhole(this.path, `${JSON.stringify(this.totals)}\n`);
    this.lines = 0;
  }
}
