// SPDX-License-Identifier: Apache-2.0
// Descriptors of any kind: where they come from, and which client has them.
import { expect, test } from 'vitest';
import { parseScenario } from '../../src/scenario/index.js';
import { problemsOf } from './problems.js';

const STEPS = 'from: a\nto: b\nexpect: lost\nsteps:\n';
const parse = (text: string) => parseScenario(STEPS + text, 'x.yaml');
const problems = (text: string) => problemsOf(() => parse(text));

test('a descriptor comes from one of four places', () => {
  const { steps } = parse(
    '  - descriptor: {name: a, kind: eventfd, errno: [OK, EMFILE]}\n' +
      '  - descriptor: {name: b, path: /dev/null}\n' +
      '  - descriptor: {name: c, memfd: 4KiB, flags: [noexec]}\n' +
      '  - descriptor: {name: d, ioctl: {on: b, command: "0xae01", bytes: "00ff", at: 4}}\n' +
      '  - kexec\n',
  );
  expect(steps.flatMap((step) => (step.op === 'descriptor' ? [step.source] : []))).toEqual([
    { kind: 'call', call: 'eventfd' },
    { kind: 'path', path: '/dev/null', access: 'rw' },
    { kind: 'memfd', size: 4096, flags: ['noexec'] },
    { kind: 'ioctl', on: 'b', command: 0xae01, argument: { bytes: '00ff' }, at: 4 },
  ]);
  expect(steps[0]?.accepts).toEqual(['OK', 'EMFILE']);
});

test.each([
  ['two places', '{name: a, kind: eventfd, path: /x}', 'expected exactly one of kind, path, memfd, ioctl'],
  ['none', '{name: a}', 'expected exactly one of kind, path, memfd, ioctl'],
  ['a key of another place', '{name: a, kind: eventfd, access: r}', 'expected path beside access'],
  ['a plain number with a place', '{name: a, ioctl: {on: a, command: "0x1", at: 4}}', 'expected bytes beside at'],
])('refuses %s', (_, value, message) => {
  expect(problems(`  - descriptor: ${value}\n  - kexec\n`)[0]).toContain(message);
});

test('a client has what it made or was given, and nothing else', () => {
  const made = '  - client: b\n  - create: s\n  - pass: {session: s, to: b}\n  - descriptor: {name: a, kind: pipe}\n';
  const used = '  - preserve-fd: {session: s, fd: a, token: 1, client: b}\n  - kexec\n';
  expect(problems(made + used)[0]).toContain('client b does not have the descriptor "a"');
  expect(problems(`${made}  - pass: {fd: a, to: b}\n${used}`)).toEqual([]);
  expect(problems(`${made}  - pass: {fd: a, to: b}\n  - kill: b\n  - close-fd: a\n  - kexec\n`)).toEqual([]);
  expect(problems(`${made}  - close-fd: a\n  - close-fd: a\n  - kexec\n`)[0]).toContain('no descriptor "a" is open');
});

test('only what was preserved can be retrieved, under a free token', () => {
  const made = '  - create: s\n  - descriptor: {name: a, kind: pipe}\n';
  const held = '  - preserve-fd: {session: s, fd: a, token: 1}\n';
  const back = (token: number) => `  - kexec\n  - retrieve: s\n  - retrieve-fd: {session: s, token: ${token}, as: a}\n`;
  expect(problems(made + held + back(1))).toEqual([]);
  expect(problems(made + held + back(2))[0]).toContain('no descriptor was preserved in session "s" under token 2');
  expect(problems(made + held + held + '  - kexec\n')[0]).toContain('1 is taken');
});

test('a descriptor that came back may be one that a program writes to', () => {
  const text = (more: string) =>
    'from: a\nto: b\nsteps:\n  - create: s\n  - descriptor: {name: a, memfd: 4KiB}\n' +
    '  - preserve-fd: {session: s, fd: a, token: 1}\n  - kexec\n  - retrieve: s\n' +
    `  - retrieve-fd: {session: s, token: 1, as: a${more}}\n`;
  const written = (more: string) =>
    parseScenario(text(more), 'x.yaml').steps.flatMap((step) => (step.op === 'retrieve-fd' ? [step.written] : []));
  expect(written('')).toEqual([false]);
  expect(written(', written: true')).toEqual([true]);
});

test('a fault finds a descriptor by its token', () => {
  const made =
    '  - create: s\n  - descriptor: {name: a, memfd: 4KiB}\n  - preserve-fd: {session: s, fd: a, token: 1}\n';
  const fault = (token: number) =>
    `  - fault: {at: jump, change: {place: 'content[s/${token}].page[0].byte[9]', flip: 1}}\n  - kexec\n`;
  expect(problems(made + fault(1))).toEqual([]);
  expect(problems(made + fault(2))[0]).toContain('no file "2" of session "s" was preserved before');
});
