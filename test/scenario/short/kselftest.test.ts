// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { carriedBy } from '../../../src/compat/index.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { problemsOf } from '../problems.js';

const parse = (text: string) => parseScenario(text, 's.yaml');
const steps = (text: string) =>
  parse(text).steps.map(
    (step) => `${step.epoch} ${step.op}${step.op === 'kselftest' ? ` ${step.stage}` : ''}${step.errno ?? ''}`,
  );

it('runs the first stage on the old kernel and the second on the next; a test without stages runs on all', () => {
  expect(steps('from: a\nto: b\nkselftest: luo_multi_session\n')).toEqual([
    '0 kselftest 1',
    '0 load',
    '0 kexec',
    '1 kselftest 2',
  ]);
  expect(steps('chain: [a, b, c]\nkselftest: liveupdate\n')).toEqual([
    '0 kselftest nullOK',
    '0 load',
    '0 kexec',
    '1 kselftest nullOK',
    '1 load',
    '1 kexec',
    '2 kselftest nullOK',
  ]);
});

it('takes the test from one tree for both kernels, with arguments', () => {
  const { steps: all } = parse('from: a\nto: b\nkselftest: {test: luo_x, tree: 7.3.4, args: ["0000:00:05.0"]}\n');
  expect(all.filter(({ op }) => op === 'kselftest')).toEqual([
    expect.objectContaining({ stage: 1, tree: '7.3.4', args: ['0000:00:05.0'] }),
    expect.objectContaining({ stage: 2, tree: '7.3.4', args: ['0000:00:05.0'] }),
  ]);
});

it('a test with stages carries a memfd in a session', () => {
  expect(carriedBy(parse('from: a\nto: b\nkselftest: luo_kexec_simple\n')).uses).toEqual(
    expect.arrayContaining(['memfd', 'session']),
  );
  expect(carriedBy(parse('from: a\nto: b\nkselftest: liveupdate\n')).uses).toEqual([]);
  expect(carriedBy(parse('from: a\nto: b\nkselftest: test_kho\n')).uses).toEqual(['test_kho']);
});

it.each([
  ['from: a\nto: b\nkselftest: ../x\n', '3:12 expected the name of a test, such as luo_multi_session'],
  [
    'from: a\nto: b\nkselftest: luo_x\nsessions: []\n',
    '4:1 kselftest defines all steps, so sessions cannot be used with it',
  ],
  ['from: a\nto: b\nkselftest: luo_x\nkexec: abort\n', '4:1 kselftest defines all steps, so kexec'],
  ['chain: [a, b, c]\nkselftest: luo_x\n', '2:1 luo_x has two stages, which takes two kernels; found 3'],
])('refuses %j', (text, message) =>
  expect(problemsOf(() => parse(text))).toContainEqual(expect.stringContaining(message)),
);

it('a fault may name a session that only the test knows, by the token', () => {
  const place = 'content[test-session/26].page[0].byte[2000]';
  const fault = `faults:\n  - {at: jump, change: {place: "${place}", flip: 1}}\n`;
  const found = parse(`from: a\nto: b\nkselftest: luo_kexec_simple\n${fault}`).steps.flatMap((step) =>
    step.op === 'fault' ? [step.fault] : [],
  );
  expect(found).toMatchObject([
    { kind: 'change', place: { of: 'content', file: { session: 'test-session', token: 26 }, page: 0, byte: 2000 } },
  ]);
});
