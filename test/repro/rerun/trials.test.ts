// SPDX-License-Identifier: Apache-2.0
// A run in which the lab itself failed is no answer.
import { expect, it } from 'vitest';
import { type Execute, Trials, type TrialAnswer } from '../../../src/repro/rerun/trials.js';
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
  const answers: TrialAnswer[] = [];
  const all = new Trials({
    wanted: WANTED,
    execute,
    parse: (text) => parseScenario(text, 'x.yaml'),
    runs: 1,
    jobs: 1,
    signal: new AbortController().signal,
    until: Infinity,
    onTrial: ({ answer }) => void answers.push(answer),
  });
  return { all, answers };
}

it('is done again', async () => {
  const { all } = trials(['infra', 'infra', 'panic']);
  expect(await all.first([TEXT])).toBe(0);
  expect(all.started).toBe(3);
});

it('and where it stays, nobody knows: it is answers, and not remembered as an answer', async () => {
  const { all, answers } = trials(['infra', 'infra', 'infra', 'panic']);
  expect(await all.first([TEXT])).toBeNull();
  expect(answers).toEqual([{ holds: false, instead: expect.stringContaining('not known') as string }]);
  expect(all.answerOf(TEXT)?.instead).toContain('not known');
  expect(await all.first([TEXT])).toBe(0);
  expect(all.answerOf(TEXT)).toEqual({ holds: true, instead: '' });
});

it('an answer is remembered', async () => {
  const { all } = trials(['preserved', 'panic']);
  expect(await all.first([TEXT])).toBeNull();
  expect(await all.first([TEXT])).toBeNull();
  expect(all.started).toBe(1);
});
