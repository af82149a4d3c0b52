// SPDX-License-Identifier: Apache-2.0
// What is read of a kernel before its machine starts, and what happens if it cannot be read.
import { expect, it } from 'vitest';
import { Preparation } from '../../src/perform/prepare.js';
import { parseScenario } from '../../src/scenario/index.js';
import { image } from '../fakes/run.js';

const TASK = { detail: () => undefined };
const TITLE = 'handover format of nobody-has-it';
const UPDATE = 'from: nobody-has-it\nto: nobody-has-it\nsessions: []\n';
const scenario = (more: string) => parseScenario(UPDATE + more, 'x.yaml');

it('layouts that nobody knows are no error until a scenario needs them', async () => {
  const preparation = new Preparation({
    accel: 'tcg',
    signal: new AbortController().signal,
    images: new Map([['nobody-has-it', image('nobody-has-it')]]),
  });
  const reading = (text: string) => preparation.stages([scenario(text)]).find(({ title }) => title === TITLE);
  // A refusal is judged by what the symbols alone show.
  await reading('expect: refused\n')?.run(TASK);
  expect(reading('expect: refused\n')).toBeUndefined();
  await expect(reading('policy: check\nexpect: preserved\n')?.run(TASK)).rejects.toThrow(
    'its handover data cannot be located',
  );
});
