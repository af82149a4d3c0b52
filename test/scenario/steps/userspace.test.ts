// SPDX-License-Identifier: Apache-2.0
// `userspace: NAME`: each kernel starts the other system before anything else.
import { expect, test } from 'vitest';
import { parseScenario } from '../../../src/scenario/index.js';
import { problemsOf } from '../problems.js';

const stepsOf = (text: string) =>
  parseScenario(text, 'x.yaml').steps.map(({ op, epoch, errno }) => [epoch, op, ...(errno === null ? [] : [errno])]);

test('is a step of each kernel that comes up, also of one without steps', () => {
  expect(stepsOf('userspace: systemd\nfrom: a\nto: b\nsteps:\n  - exec: "true"\n  - kexec\n')).toEqual([
    [0, 'start-userspace'],
    [0, 'exec', 'OK'],
    [0, 'load'],
    [0, 'kexec'],
    [1, 'start-userspace'],
  ]);
});

test('is no step after a kexec that is to be refused', () => {
  const text = 'userspace: systemd\nfrom: a\nto: b\nexpect: refused\nsteps:\n  - kexec: {errno: EINVAL}\n  - abort\n';
  expect(stepsOf(text).filter(([, op]) => op === 'start-userspace')).toEqual([[0, 'start-userspace']]);
});

test('goes with the short form and with chains', () => {
  const ops = stepsOf('userspace: systemd\nchain: [a, b, c]\nsessions:\n  - name: s\n    files: [{memfd: 4KiB}]\n');
  expect(ops.filter(([, op]) => op === 'start-userspace').map(([epoch]) => epoch)).toEqual([0, 1, 2]);
});

test('takes a name, and is not there by default', () => {
  expect(problemsOf(() => parseScenario('userspace: ../x\nfrom: a\nto: b\n', 'x.yaml')).join()).toContain(
    'expected the name of a user space, such as systemd',
  );
  expect(parseScenario('from: a\nto: b\n', 'x.yaml')).not.toHaveProperty('userspace');
});
