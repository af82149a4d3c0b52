// SPDX-License-Identifier: Apache-2.0
// Scenarios of a folder with what each must come to, and the run of one of them.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { parse } from 'yaml';
import type { EndsIn, Outcome } from '../../../src/model/result/outcome.js';
import { resultSchema } from '../../../src/store/run/result-schema.js';
import { type LabRun, labRun, ROOT, why } from '../lab.js';

export interface Labelled {
  /** Path within the folder. */
  name: string;
  path: string;
  label: { tags: string[]; expect: { outcome: Outcome; endsIn: EndsIn }; faults?: unknown[] };
}

/** All scenarios of a folder of scenarios/, deep, by name. */
export function labelled(folder: string): Labelled[] {
  const root = join(ROOT, 'scenarios', folder);
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => ({
      name,
      path: join(root, name),
      label: parse(readFileSync(join(root, name), 'utf8')) as Labelled['label'],
    }));
}

export function fastOf(all: readonly Labelled[]): Labelled[] {
  return all.filter(({ label }) => label.tags.includes('fast'));
}

/** Runs it: it must come to what its label says, and its result be well-formed. */
export async function runLabelled({ path, label }: Labelled): Promise<LabRun> {
  const run = await labRun(path);
  expect(run.result.outcome, why(run)).toBe(label.expect.outcome);
  expect(run.result.endsIn, why(run)).toBe(label.expect.endsIn);
  expect(run.result.asExpected, why(run)).toBe(true);
  resultSchema.parse(run.result);
  return run;
}
