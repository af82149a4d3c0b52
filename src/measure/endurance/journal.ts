// SPDX-License-Identifier: Apache-2.0
// One line for each round, so that an endurance of hours continues where it was interrupted.
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../util/json.js';

const entry = z.object({
  seed: z.number().int(),
  round: z.number().int().min(0),
  /** What happened, such as `killed` or `full results`. */
  kind: z.string(),
  runs: z.number().int().min(0),
  /** Runs that left a whole result with the right verdict. */
  right: z.number().int().min(0),
  seconds: z.number().min(0),
  /** Milliseconds from the first Ctrl-C to the end; null if there was none. */
  endedMs: z.number().nullable(),
  /** Resident memory of the worker that lives through all rounds, in KiB; null if it was not looked at. */
  worker: z.object({ pid: z.number().int(), rssKiB: z.number().min(0) }).nullable(),
  problems: z.array(z.string()),
  /** What could not be tried here. */
  skipped: z.string().nullable(),
});
export type Entry = z.infer<typeof entry>;

export class EnduranceJournal {
  private readonly known = new Map<number, Entry>();

  /** A line that cannot be read, such as the last one of a killed process, is dropped; its round runs again. */
  constructor(
    private readonly path: string,
    private readonly seed: number,
  ) {
    mkdirSync(dirname(path), { recursive: true });
    if (!existsSync(path)) return;
    const text = readFileSync(path, 'utf8');
    for (const line of text.split('\n')) {
      const each = parseJson(line, entry);
      if (each !== null && each.seed === seed) this.known.set(each.round, each);
    }
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    if (whole !== text) writeFileSync(path, whole);
  }

  get entries(): Entry[] {
    return [...this.known.values()].sort((a, b) => a.round - b.round);
  }

  /** The first round that has no line. */
  get next(): number {
    for (let round = 0; ; round++) if (!this.known.has(round)) return round;
  }

  get runs(): number {
    return this.entries.reduce((sum, { runs }) => sum + runs, 0);
  }

  add(round: Omit<Entry, 'seed'>): void {
    const each = { seed: this.seed, ...round };
    appendFileSync(this.path, `${JSON.stringify(each)}\n`);
    this.known.set(each.round, each);
  }
}
