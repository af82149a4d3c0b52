// SPDX-License-Identifier: Apache-2.0
// Ioctls with any argument, and links: the step, the request to the agent, and the answer.
import { expect, it, test } from 'vitest';
import { checkLink, rawRequest } from '../../src/run/agent/raw-operations.js';
import { isRawAction } from '../../src/model/scenario/raw.js';
import { parseScenario } from '../../src/scenario/index.js';
import { fakeRecorder, reply } from '../fakes/parts.js';
import { problemsOf } from './problems.js';

const STEPS = 'from: a\nto: b\nexpect: refused\nsteps:\n  - create: vm0\n  - memfd: {name: f, size: 4KiB}\n';
const requests = (text: string) =>
  parseScenario(`${STEPS}${text}  - abort\n`, 'x.yaml')
    .steps.filter(isRawAction)
    .map((step) => rawRequest(step).request);

test('a step names the descriptor, the command and the argument', () => {
  expect(
    requests(
      '  - ioctl: {session: vm0, command: finish, bytes: "01"}\n' +
        '  - ioctl: {file: f, command: "0xba43", size: 5, errno: ENOTTY}\n' +
        '  - ioctl: {device: true, command: create, without: answer, errno: EFAULT}\n  - link: vm0\n',
    ),
  ).toEqual([
    ['ioctl', { session: 'vm0', command: 0xba42, size: 8, bytes: '01' }],
    ['ioctl', { file: 'f', command: 0xba43, size: 5 }],
    ['ioctl', { command: 0xba00, size: 72, without: 'answer' }],
    ['link', { session: 'vm0' }],
  ]);
});

test.each([
  ['  - ioctl: {command: finish}\n', 'expected exactly one of session, file, device'],
  ['  - ioctl: {session: vm0, file: f, command: finish}\n', 'expected exactly one of session, file, device'],
  ['  - ioctl: {session: vm0, command: stop}\n', 'expected one of create, retrieve-session'],
  ['  - ioctl: {session: vm0, command: finish, bytes: "0"}\n', 'expected bytes in hexadecimal'],
  ['  - ioctl: {session: vm0, command: finish, without: sense}\n', 'expected argument, answer or descriptor'],
  ['  - ioctl: {session: vm1, command: finish}\n', 'no session "vm1" is open here'],
  ['  - ioctl: {file: g, command: finish, errno: ENOTTY}\n', 'no file "g" is open here'],
  ['  - link: vm1\n', 'no session "vm1" is open here'],
])('%s', (text, message) => {
  expect(problemsOf(() => parseScenario(STEPS + text, 'x.yaml'))[0]).toContain(message);
});

it.each([
  ['anon_inode:[luo_session] vm0', 0],
  ['anon_inode:[luo_session] vm1', 1],
  ['\x1b[2J', 1],
])('the link %j is wrong in %d ways', (link, wrong) => {
  const { recorder } = fakeRecorder();
  checkLink({ recorder }, { op: 'link', session: 'vm0' }, reply({ data: { link } }));
  expect(recorder.incidents).toHaveLength(wrong);
  expect(recorder.incidents.every(({ implies, detail }) => implies === 'corrupt' && !detail.includes('\x1b'))).toBe(
    true,
  );
});
