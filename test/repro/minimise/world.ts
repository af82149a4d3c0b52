// SPDX-License-Identifier: Apache-2.0
// A made-up failure: which scenario fails is known, so the smallest one is, too.
import type { Scenario } from '../../../src/model/scenario/scenario.js';
import { minimise, type MinimiseOptions, type Reproduces } from '../../../src/repro/minimise/minimise.js';
import { textOf } from '../../../src/repro/minimise/data.js';
import { ownData } from '../../../src/repro/minimise/origin.js';
import { parseScenario } from '../../../src/scenario/index.js';

export const HEAD = 'from: 7.2.12\nto: 7.3.4\n';

/** Answers that a run would give. */
export function failsIf(fails: (scenario: Scenario) => boolean): Reproduces {
  return async ({ scenario }) => {
    const holds = fails(scenario);
    return { holds, instead: holds ? '' : 'preserved', known: true };
  };
}

export async function smallestOf(text: string, more: Partial<MinimiseOptions> & Pick<MinimiseOptions, 'reproduces'>) {
  const parse = (yaml: string) => parseScenario(yaml, 'small.yaml');
  const minimised = await minimise({
    scenario: textOf(ownData(text, 'given.yaml', 'given', ['7.2.12', '7.3.4'], '.')),
    parse,
    jobs: 2,
    signal: new AbortController().signal,
    deadline: Infinity,
    ...more,
  });
  return { ...minimised, parsed: parse(minimised.scenario) };
}

export const createsOf = ({ steps }: Scenario): number => steps.filter(({ op }) => op === 'create').length;

export const hasFile =
  (file: string) =>
  ({ steps }: Scenario): boolean =>
    steps.some((step) => step.op === 'memfd' && step.memfd.file === file);

export const opsOf = ({ steps }: Scenario): string[] =>
  steps.filter(({ op, epoch }) => op !== 'check' && epoch === 0).map((step) => step.op);
