// SPDX-License-Identifier: Apache-2.0
// Records the runs of a corpus, one line for each, so that a measurement of hours can continue after an interruption.
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../util/json.js';
import { ENDINGS, OUTCOMES } from '../../model/result/outcome.js';
import { RUNGS } from '../../model/result/snapshot.js';

/** What the runs of a round have in common. */
export interface Conditions {
  /** Busy processes beside the runs. */
  load: number;
  icount: boolean;
  /** `warm`: from a snapshot where there is one. */
  start: Start;
}

export const STARTS = ['warm', 'cold'] as const;
export type Start = (typeof STARTS)[number];

const entry = z.object({
  /** Path of the scenario below the folder of all scenarios. */
  name: z.string(),
  /** Hash of the scenario's text, so that a changed scenario runs again. */
  digest: z.string(),
  load: z.number().int(),
  icount: z.boolean(),
  /** Journals of an older lab have only cold runs. */
  start: z.enum(STARTS).default('cold'),
  /** Where a warm run started; null if its machine booted. */
  rung: z.enum(RUNGS).nullable().default(null),
  round: z.number().int(),
  outcome: z.enum(OUTCOMES),
  endsIn: z.enum(ENDINGS),
  asExpected: z.boolean(),
  predicted: z.enum(OUTCOMES).nullable(),
  /** Whether the reason was the predicted one, too; null in journals of an older lab. */
  hit: z.boolean().nullable().default(null),
  cause: z.string().nullable(),
  blind: z.array(z.string()),
  /** Files with two judges, and those with one; null in runs without `--follow`. */
  judges: z
    .object({ agree: z.number(), differ: z.array(z.string()), alone: z.number(), blind: z.number(), ms: z.number() })
    .nullable()
    .default(null),
  /** Of the whole process. */
  seconds: z.number(),
  /** Of the run alone. */
  runSeconds: z.number(),
});
export type Entry = z.infer<typeof entry>;

export class CorpusJournal {
  private readonly known = new Map<string, Entry>();

  /** Runs whose line cannot be read, such as the last one of a killed process, run again. */
  constructor(private readonly path: string) {
    if (!existsSync(path)) return;
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      const run = parseJson(line, entry);
      if (run !== null) this.known.set(keyOf(run), run);
    }
  }

  forget(): void {
    rmSync(this.path, { force: true });
    this.known.clear();
  }

  has(run: KeyOfEntry): boolean {
    return this.known.has(keyOf(run));
  }

  add(run: Entry): void {
    mkdirSync(dirname(this.path), { recursive: true });
    appendFileSync(this.path, `${JSON.stringify(run)}\n`);
    this.known.set(keyOf(run), run);
  }

  /** Runs of the current text of the scenarios, under these conditions. */
  of(scenarios: ReadonlyMap<string, string>, { load, icount, start }: Conditions): Entry[] {
    return [...this.known.values()].filter(
      (run) =>
        scenarios.get(run.name) === run.digest && run.load === load && run.icount === icount && run.start === start,
    );
  }
}

export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

type KeyOfEntry = Pick<Entry, 'name' | 'digest' | 'load' | 'icount' | 'start' | 'round'>;

function keyOf({ name, digest, load, icount, start, round }: KeyOfEntry): string {
  return [name, digest, load, icount, start, round].join(' ');
}
