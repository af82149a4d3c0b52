// SPDX-License-Identifier: Apache-2.0
// The fast part of the labelled corpus: the scenarios of scenarios/mismatch that are tagged so. `npm run corpus` runs
// all of it.
import { describe, expect, it } from 'vitest';
import { why } from './lab.js';
import { fastOf, labelled, runLabelled } from './support/labelled.js';

const corpus = labelled('mismatch');
const fast = fastOf(corpus);

describe('the labelled corpus', () => {
  it('has a label on each of at least 60 scenarios', () => {
    expect(corpus.length).toBeGreaterThanOrEqual(60);
    expect(
      corpus
        .filter(({ label }) => label.expect.endsIn === undefined || !label.tags.includes('mismatch'))
        .map(({ name }) => name),
    ).toEqual([]);
  });

  it.each(fast)('$name: $label.expect.outcome', async (scenario) => {
    const { label } = scenario;
    const run = await runLabelled(scenario);
    // What is done to the machine from outside, no image can tell beforehand; all else is foretold.
    if (label.faults === undefined) expect(run.result.predicted?.outcome, why(run)).toBe(label.expect.outcome);
  });
});
