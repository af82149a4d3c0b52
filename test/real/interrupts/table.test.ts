// SPDX-License-Identifier: Apache-2.0
// A few cases of `npm run interrupts`, which has all of them: commands end in time, say what they keep, leave nothing.
import { afterAll, expect, it } from 'vitest';
import { FixtureMaker } from '../../../src/measure/interrupts/fixtures.js';
import { interrupt } from '../../../src/measure/interrupts/interrupt.js';
import { SUBJECTS, WAYS } from '../../../src/measure/interrupts/table.js';
import { removeTemp } from '../../../src/util/process/reaper.js';
import { temporary } from '../lab.js';

const dir = temporary();
const maker = new FixtureMaker(dir);

afterAll(async () => {
  await maker.close();
  removeTemp(dir);
});

it.each([
  ['run', 'the jump', 'SIGINT'],
  ['run', 'a machine runs', 'SIGKILL'],
  ['matrix', 'a machine runs', 'SIGTERM'],
  ['worker', 'waiting for cells', 'SIGHUP'],
  ['images build', 'compiling', 'SIGINT'],
  ['images push', 'it starts', 'SIGINT twice'],
  ['check', 'it starts', 'SIGINT'],
  ['npm run corpus', 'a machine runs', 'SIGINT'],
])('%s, %s, %s', async (name, when, how) => {
  const subject = SUBJECTS.find((each) => each.name === name);
  const moment = subject?.moments.find((each) => each.name === when);
  const way = WAYS.find((each) => each.name === how);
  if (subject === undefined || moment === undefined || way === undefined) throw new Error('the table has no such case');
  const { problems } = await interrupt(subject, moment, way, maker);
  expect(problems).toEqual([]);
});
