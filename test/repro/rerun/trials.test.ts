// SPDX-License-Identifier: Apache-2.0
// A run in which the lab itself failed is no answer.
import { expect, it } from 'vitest';
import { type Execute, Trials, type Verdict } from '../../../src/repro/rerun/trials.js';
import { parseScenario } from '../../../src/scenario/index.js';

const TEXT = 'from: 7.2.12\nto: 7.3.4\n';
const WANTED = { outcome: 'panic', title: 'boom' } as const;

function trials(outcomes: readonly string[]) {
  let run = 0;
  const execute: Execute = async () => {
    const outcome = outcomes[Math.min(run++, outcomes.length - 1)];
    const seen =
      outcome === 'panic'
        ? WANTED
        : outcome === 'infra'
          ? ({ outcome: 'infra', title: 'QEMU ended' } as const)
          : ({ outcome: 'preserved', title: null } as const);
    return { ...seen, suspects: [], asExpected: false };
  };
  const said: Verdict[] = [];
  const all = new Trials({
    wanted: WANTED,
    execute,
    parse: (text) => parseScenario(text, 'x.yaml'),
    runs: 1,
    jobs: 1,
    signal: new AbortController().signal,
    until: Infinity,
    onTrial: ({ verdict }) => void said.push(verdict),
  });
  return { all, said };
}

it('is done again', async () => {
  const { all } = trials(['infra', 'infra', 'panic']);
  expect(await all.first([TEXT])).toBe(0);
  expect(all.started).toBe(3);
});

it('and where it stays, nobody knows: it is said, and not remembered as an answer', async () => {
  const { all, said } = trials(['infra', 'infra', 'infra', 'panic']);
  expect(await all.first([TEXT])).toBeNull();
  expect(said).toEqual([{ holds: false, instead: expect.stringContaining('not known') as string }]);
  expect(all.verdictOf(TEXT)?.instead).toContain('not known');
  expect(await all.first([TEXT])).toBe(0);
  expect(all.verdictOf(TEXT)).toEqual({ holds: true, instead: '' });
});

it('an answer is remembered', async () => {
  const { all } = trials(['preserved', 'panic']);
  expect(await all.first([TEXT])).toBeNull();
  expect(await all.first([TEXT])).toBeNull();
  expect(all.started).toBe(1);
});
