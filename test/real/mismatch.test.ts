// SPDX-License-Identifier: Apache-2.0
// The fast part of the labelled corpus: the scenarios of scenarios/mismatch that are tagged so. `npm run corpus` runs all of it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { EndsIn, Outcome } from '../../src/model/outcome.js';
import { resultSchema } from '../../src/store/result-schema.js';
import { labRun, ROOT, why } from './lab.js';

interface Label {
  tags: string[];
  expect: { outcome: Outcome; endsIn: EndsIn };
  faults?: unknown[];
}

const FOLDER = join(ROOT, 'scenarios', 'mismatch');
const corpus = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.yaml')).sort()
  .map((name) => ({ name, label: parse(readFileSync(join(FOLDER, name), 'utf8')) as Label }));
const fast = corpus.filter(({ label }) => label.tags.includes('fast'));

describe('the labelled corpus', () => {
  it('has a label on each of at least 60 scenarios', () => {
    expect(corpus.length).toBeGreaterThanOrEqual(60);
    expect(corpus.filter(({ label }) => label.expect.endsIn === undefined || !label.tags.includes('mismatch')).map(({ name }) => name)).toEqual([]);
  });

  it.each(fast)('$name: $label.expect.outcome', async ({ name, label }) => {
    const run = await labRun(join(FOLDER, name));
    expect(run.result.outcome, why(run)).toBe(label.expect.outcome);
    expect(run.result.endsIn, why(run)).toBe(label.expect.endsIn);
    expect(run.result.asExpected, why(run)).toBe(true);
    resultSchema.parse(run.result);
    // What is done to the machine from outside, no image can tell beforehand; all else is foretold.
    if (label.faults === undefined) expect(run.result.predicted?.outcome, why(run)).toBe(label.expect.outcome);
  });
});
