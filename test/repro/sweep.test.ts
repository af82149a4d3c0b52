// SPDX-License-Identifier: Apache-2.0
// A sweep ends with the first allocation that the step does not make, and with nothing else.
import { expect, it } from 'vitest';
import type { Event } from '../../src/model/result/event.js';
import type { Outcome } from '../../src/model/result/outcome.js';
import { sweep, withFailing } from '../../src/repro/sweep.js';
import { parseScenario } from '../../src/scenario/index.js';
import { problemsOf } from '../scenario/problems.js';

const SHORT = 'from: a\nto: b # the next one\nsessions: [{name: vm0, files: [{name: ram, memfd: 64KiB}]}]\n';
const PRESERVE = { step: 'preserve', which: 1 } as const;
const failing = (nth: number) => parseScenario(withFailing(SHORT, { ...PRESERVE, nth }), 'x.yaml');

it('names the allocation in the text, and keeps the rest of it', () => {
  expect(withFailing(SHORT, { ...PRESERVE, nth: 3 })).toContain('# the next one');
  expect(failing(3).steps.filter(({ fail }) => fail !== undefined)).toMatchObject([{ op: 'preserve', fail: 3 }]);
  expect(failing(3).steps.map(({ op }) => op)).toEqual(parseScenario(SHORT, 'x.yaml').steps.map(({ op }) => op));
});

it('refuses a step that the scenario does not have', () => {
  const text = withFailing(SHORT, { step: 'preserve', which: 2, nth: 1 });
  const problems = problemsOf(() => parseScenario(text, 'x.yaml'));
  expect(problems.join()).toContain('expected a step that the scenario has; preserve occurs 1 times in it');
});

/** What the step answered for each allocation; null: the kernel died first. `none`: it made no such allocation. */
type Answer = { errno: string | null; again: boolean } | 'none' | null;

async function swept(answers: readonly Answer[], limits = { first: 1, max: 10 }) {
  const tried: number[] = [];
  const result = await sweep(limits, PRESERVE, async (nth) => {
    tried.push(nth);
    const scenario = failing(nth);
    const answer = nth > answers.length ? 'none' : (answers[nth - 1] as Answer);
    const index = scenario.steps.findIndex(({ op }) => op === 'preserve');
    const step = (at: number, allocation?: { nth: number; failed: boolean; again: boolean }): Event => ({
      t: 0,
      epoch: 0,
      kind: 'step',
      index: at,
      op: 'x',
      target: '',
      state: 'done',
      errno: answer === null || answer === 'none' ? null : answer.errno,
      ms: 1,
      ...(allocation === undefined ? {} : { allocation }),
    });
    const again = answer !== null && answer !== 'none' && answer.again;
    const own = answer === null ? [] : [step(index, { nth, failed: answer !== 'none', again })];
    // Other steps say nothing about this one.
    const events = [step(0), ...own];
    const outcome: Outcome = answer === null ? 'panic' : 'preserved';
    return { scenario, ended: { outcome, asExpected: answer !== null, title: null, run: `run-${nth}`, events } };
  });
  return { tried, ...result };
}

it('counts the allocations, and says what each one came to', async () => {
  const { runs, ...rest } = await swept([{ errno: null, again: true }, null, { errno: 'ENOMEM', again: false }]);
  expect(rest).toEqual({ tried: [1, 2, 3, 4], allocations: 3 });
  expect(runs.map(({ nth, answer, again, outcome }) => [nth, answer, again, outcome])).toEqual([
    [1, 'OK', true, 'preserved'],
    [2, null, false, 'panic'],
    [3, 'ENOMEM', false, 'preserved'],
  ]);
});

it('ends at the limit, and then does not know how many there are', async () => {
  const many = Array.from({ length: 20 }, () => ({ errno: null, again: true }));
  const { tried, allocations } = await swept(many, { first: 5, max: 3 });
  expect([tried, allocations]).toEqual([[5, 6, 7], null]);
});
