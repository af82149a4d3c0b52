// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import type { Action, Step } from '../../src/model/scenario/scenario.js';
import { parseScenario } from '../../src/scenario/index.js';

function steps(text: string, head = 'from: a\nto: b\nexpect: lost\n'): Step[] {
  return parseScenario(`${head}steps:\n${text}`, '/data/x.yaml').steps;
}

function actions(text: string): Action[] {
  return steps(text).map(({ epoch: _epoch, errno: _errno, pos: _pos, ...action }) => action as Action);
}

test('every operation, in all its forms', () => {
  expect(
    actions(`
  - open
  - open: {errno: OK}
  - create: vm0
  - memfd: {name: ram, size: 4MiB, seed: 1}
  - preserve: {session: vm0, file: ram, token: 1}
  - exec: echo {i} \${HOME}
  - exec: {command: ls, status: 2, stdout: "x"}
  - upload: {from: files/a, to: /a}
  - upload: {from: /b, to: /b, mode: "0755"}
  - fault: nmi
  - fault: {replace: {find: a, with: b, where: page-start}}
  - fault: {do: stop, at: jump}
  - kexec:
  - retrieve: vm0
  - retrieve: {session: vm0, token: 1}
  - retrieve: {session: vm0, token: "1", as: again}
  - check: ram
  - check: {file: again}
  - close: {file: again}
  - finish: {session: vm0}
  - close: vm0
  - close: {device: true}
  - kill-agent
`),
  ).toEqual([
    { op: 'open' },
    { op: 'open' },
    { op: 'create', session: 'vm0' },
    {
      op: 'memfd',
      memfd: { kind: 'memfd', file: 'ram', size: 2 ** 22, seed: 1, holes: [], huge: false, seals: [], position: 0 },
    },
    { op: 'preserve', session: 'vm0', file: 'ram', token: 1 },
    { op: 'exec', command: 'echo {i} ${HOME}', status: 0, stdout: null, timeout: 300 },
    { op: 'exec', command: 'ls', status: 2, stdout: 'x', timeout: 300 },
    { op: 'upload', from: '/data/files/a', to: '/a', mode: 0o644 },
    { op: 'upload', from: '/b', to: '/b', mode: 0o755 },
    { op: 'fault', at: 'now', fault: { kind: 'nmi' } },
    { op: 'fault', at: 'now', fault: { kind: 'replace', find: 'a', write: 'b', where: 'page-start' } },
    { op: 'load', via: 'file' },
    { op: 'fault', at: 'jump', fault: { kind: 'stop' } },
    { op: 'kexec' },
    { op: 'retrieve-session', session: 'vm0' },
    { op: 'retrieve', session: 'vm0', token: 1, file: 'ram' },
    { op: 'retrieve', session: 'vm0', token: 1, file: 'again' },
    { op: 'check', file: 'ram' },
    { op: 'check', file: 'again' },
    { op: 'close', target: { kind: 'file', name: 'again' } },
    { op: 'finish', session: 'vm0' },
    { op: 'close', target: { kind: 'session', name: 'vm0' } },
    { op: 'close', target: { kind: 'device' } },
    { op: 'kill-agent' },
  ]);
});

test.each([
  ['load', 'file'],
  ['load: legacy', 'legacy'],
  ['load: {via: legacy}', 'legacy'],
  ['load: {errno: OK}', 'file'],
  ['load:', 'file'],
])('- %s', (text, via) => {
  expect(actions(`  - ${text}\n  - kexec\n`)).toEqual([{ op: 'load', via }, { op: 'kexec' }]);
});

test('a successful kexec ends an epoch; a failed load does not count', () => {
  const list = steps(`  - load: {errno: ENOEXEC}
  - kexec: {errno: EBUSY}
  - exec: a
  - kexec
  - exec: b
`);
  expect(list.map((step) => `${step.epoch} ${step.op} ${step.errno}`)).toEqual([
    '0 load ENOEXEC',
    '0 load null',
    '0 kexec EBUSY',
    '0 exec OK',
    '0 kexec null',
    '1 exec OK',
  ]);
});

test('repeats within repeats', () => {
  const list = steps(`
  - repeat:
      count: 3
      as: s
      steps:
        - create: vm-{s}
        - repeat:
            count: 2
            steps:
              - memfd: {name: "vm-{s}/{i}", size: 4KiB}
              - preserve: {session: "vm-{s}", file: "vm-{s}/{i}", token: "1{i}"}
  - kexec
`);
  const preserved = list.flatMap((step) =>
    step.op === 'preserve' ? [`${step.session} ${step.file} ${step.token}`] : [],
  );
  expect(preserved).toEqual([
    'vm-1 vm-1/1 11',
    'vm-1 vm-1/2 12',
    'vm-2 vm-2/1 11',
    'vm-2 vm-2/2 12',
    'vm-3 vm-3/1 11',
    'vm-3 vm-3/2 12',
  ]);
  expect(new Set(list.flatMap((step) => (step.op === 'memfd' ? [step.memfd.seed] : []))).size).toBe(6);
});

test('a step with an errno may do what is otherwise a problem', () => {
  expect(() =>
    steps(`
  - create: a
  - create: {session: a, errno: EEXIST}
  - memfd: {name: f, size: 1MiB}
  - preserve: {session: a, file: f, token: 1}
  - preserve: {session: a, file: f, token: 1, errno: EEXIST}
  - finish: {session: b, errno: EINVAL}
  - kexec
  - retrieve: {session: c, errno: ENOENT}
  - retrieve: {session: a, token: 2, errno: ENOENT}
`),
  ).not.toThrow();
});

test('closed sessions may be retrieved, and a name may be used again', () => {
  expect(() =>
    steps(`
  - create: a
  - kill-agent
  - create: a
  - close: a
  - create: a
  - kexec
  - retrieve: a
  - close: a
  - create: a
`),
  ).not.toThrow();
});

test('allows checks in the old kernel after an abort', () => {
  const list = parseScenario(
    `from: a
to: b
steps:
  - memfd: {name: f, size: 1MiB}
  - abort
  - check: f
  - exec: "true"
expect: refused
`,
    'x.yaml',
  ).steps;
  expect(list.map((step) => `${step.epoch} ${step.op}`)).toEqual(['0 memfd', '0 abort', '0 check', '0 exec']);
});
