// SPDX-License-Identifier: Apache-2.0
// S5: nested repeats made turns before anybody counted them. An older parser unrolled `repeat` with empty `steps` for
// 10^10 turns, since a turn without steps never met the limit of steps; opening a stranger's bundle hung.
import { expect, it } from 'vitest';
import { startClock } from '../../src/util/clock.js';
import { caught, HEAD, problemsOf } from './refusal.js';
import { parseScenario } from '../../src/scenario/index.js';

const nested = (depth: number, steps: string): string =>
  depth === 0 ? steps : `[{repeat: {count: 100000, as: ${'abcdefgh'[depth]}, steps: ${nested(depth - 1, steps)}}}]`;
const SHARED = [
  'x1: &x1 {repeat: {count: 100000, as: a, steps: [open]}}',
  'x2: &x2 {repeat: {count: 100000, as: b, steps: [*x1, *x1, *x1, *x1, *x1]}}',
];

it.each([
  ['without steps', `${HEAD}steps: ${nested(2, '[]')}\n`, 'expected at least 1 entries'],
  ['10^10 turns', `${HEAD}steps: ${nested(2, '[open]')}\n`, 'expected at most 500000 steps in all'],
  ['10^35 turns', `${HEAD}steps: ${nested(7, '[open]')}\n`, 'expected at most 500000 steps in all'],
  [
    'many at the same level',
    `${HEAD}steps: [${Array.from({ length: 200 }, () => nested(2, '[open]').slice(1, -1)).join(', ')}]\n`,
    'expected at most 500000',
  ],
  ['by aliases', `${HEAD}steps:\n- ${SHARED[0]?.slice(4)}\n- ${SHARED[1]?.slice(4)}\n`, ''],
])('repeats %s are refused at once', (_, text, why) => {
  const clock = startClock();
  const problems = [problemsOf(text)[0], caught(() => parseScenario(text, 'x.yaml'))[0]];
  expect(clock.now()).toBeLessThan(5000);
  for (const problem of problems) expect(problem).toMatch(/^\d+:\d+ /);
  for (const problem of problems) expect(problem).toContain(why);
});

it('10^10 turns take milliseconds', () => {
  const text = `${HEAD}steps: ${nested(2, '[open]')}\n`;
  problemsOf(text);
  const clock = startClock();
  problemsOf(text);
  expect(clock.now()).toBeLessThan(200);
});
