// SPDX-License-Identifier: Apache-2.0
// More than one client: the client of a step, what each client holds, and calls during the kexec.
import { expect, test } from 'vitest';
import { Holders, MAIN } from '../../src/model/scenario/client.js';
import { parseScenario } from '../../src/scenario/index.js';
import { problemsOf } from './problems.js';

const STEPS = 'from: a\nto: b\nexpect: lost\nsteps:\n';
const problems = (text: string) => problemsOf(() => parseScenario(STEPS + text, 'x.yaml'));

test('tracks which clients hold what', () => {
  const holders = new Holders();
  const vm0 = { kind: 'session', name: 'vm0' } as const;
  expect([...holders.of(vm0)]).toEqual([MAIN]);
  holders.passed(vm0, 'b');
  expect([...holders.of(vm0)]).toEqual([MAIN, 'b']);
  expect([...holders.of({ kind: 'file', name: 'vm0' })]).toEqual([MAIN]);
  expect(holders.dropped(vm0, MAIN)).toBe(false);
  expect(holders.dropped(vm0, MAIN)).toBe(false);
  expect(holders.dropped(vm0, 'b')).toBe(true);
  holders.made(vm0, 'b');
  expect([...holders.of(vm0)]).toEqual(['b']);
  holders.made(vm0, MAIN);
  expect([...holders.of(vm0)]).toEqual([MAIN]);
});

test('steps name their client and the accepted results', () => {
  const { steps } = parseScenario(
    `${STEPS}  - client: b\n  - create: {session: s, client: b}\n  - create: {session: t, client: ` +
      'main}\n  - memfd: {name: f, size: 4KiB}\n  - preserve: {session: s, file: f, token: 1, client: b, during: ' +
      'kexec, errno: [OK, EBUSY]}\n  - kexec\n',
    'x.yaml',
  );
  expect(steps.map(({ op, by, during, accepts, errno }) => [op, by, during, accepts, errno])).toEqual([
    ['client', undefined, undefined, undefined, null],
    ['create', 'b', undefined, undefined, null],
    ['create', undefined, undefined, undefined, null],
    ['memfd', undefined, undefined, undefined, null],
    // The added load comes before the calls during the kexec.
    ['load', undefined, undefined, undefined, null],
    ['preserve', 'b', 'kexec', ['OK', 'EBUSY'], null],
    ['kexec', undefined, undefined, undefined, null],
  ]);
});

test('a step can make an allocation of its call fail', () => {
  const { steps } = parseScenario(
    `${STEPS}  - create: {session: s, fail: 3}\n  - create: {session: t, fail: 1, errno: ENOMEM}\n  - kexec\n`,
    'x.yaml',
  );
  expect(steps.map(({ op, fail, errno }) => [op, fail, errno])).toEqual([
    ['create', 3, null],
    ['create', 1, 'ENOMEM'],
    ['load', undefined, null],
    ['kexec', undefined, null],
  ]);
  expect(problems('  - create: {session: s, fail: 0}\n')).toHaveLength(1);
  expect(problems('  - create: {session: s, fail: "{i}"}\n')).toHaveLength(1);
});

test('a repeat fails one allocation after the other', () => {
  const { steps } = parseScenario(
    `${STEPS}  - repeat: {count: 3, steps: [{create: {session: "s{i}", fail: "{i}"}}]}\n  - kexec\n`,
    'x.yaml',
  );
  expect(steps.slice(0, 3).map(({ fail }) => fail)).toEqual([1, 2, 3]);
});

test('a session that another client holds outlives its creator', () => {
  for (const made of ['memfd: {name: f, size: 4KiB', 'object: {name: f, size: 4KiB'])
    expect(
      problems(
        `  - create: s\n  - client: b\n  - ${made}, client: b}\n  - kill: b\n` +
          '  - preserve: {session: s, token: 1, file: f}\n',
      ),
    ).toEqual([expect.stringContaining('no file "f" is open here')]);
  expect(
    problems(
      '  - create: s\n  - client: b\n  - pass: {session: s, to: b}\n  - close: s\n  - finish: {session: ' +
        's, client: b, errno: EINVAL}\n  - get-name: {session: s, client: b}\n',
    ),
  ).toEqual([]);
  expect(
    problems(
      '  - create: s\n  - client: b\n  - pass: {session: s, to: b}\n  - kill-agent\n  - get-name: {session: ' +
        's, client: b}\n',
    ),
  ).toEqual([]);
  expect(
    problems(
      '  - create: s\n  - client: b\n  - pass: {session: s, to: b}\n  - close: s\n  - kill: b\n  - get-name: s\n',
    ),
  ).toEqual([expect.stringContaining('10:15 no session "s" is open here')]);
  expect(problems('  - create: s\n  - client: b\n  - kill-agent\n  - get-name: {session: s, client: b}\n')).toEqual([
    expect.stringContaining('no session "s" is open here'),
  ]);
});

test.each([
  ['  - create: {session: s, client: b}\n', '5:34 no client "b" runs here; start it with a step: client: NAME'],
  ['  - client: b\n  - client: b\n', '6:13 expected a unique name; there is a client "b" already'],
  ['  - client: main\n', '5:13 expected a unique name; there is a client "main" already'],
  ['  - client: B\n', '5:13 expected the name of a client: a small letter'],
  ['  - kill: main\n', '5:11 kill cannot end the first client'],
  ['  - client: b\n  - kexec\n  - kill: b\n', '7:11 no client "b" runs here'],
  ['  - client: b\n  - create: s\n  - pass: {to: b}\n', '7:11 expected exactly one of session, file, fd'],
  ['  - client: b\n  - create: s\n  - pass: {to: b, session: t}\n', '7:11 no session "t" is open here'],
  ['  - create: s\n  - pass: {to: main, session: s}\n', '6:16 expected a client other than "main", which passes it'],
  ['  - create: {session: s, during: kexec}\n  - kexec\n', '5:34 create during the kexec needs another client'],
  [
    '  - client: b\n  - create: {session: s, client: b, during: kexec}\n  - open\n  - kexec\n',
    '6:45 expected the kexec as the next step',
  ],
  ['  - create: {session: s, during: jump}\n', '5:34 expected kexec or next, found "jump"'],
  ['  - create: {session: s, during: next}\n  - create: t\n', '5:34 expected a call of another client'],
  [
    '  - client: b\n  - create: {session: s, client: b, during: next}\n  - open\n',
    '6:45 expected a call of another client as the next step',
  ],
  ['  - create: {session: s, errno: []}\n', '5:33 expected'],
  ['  - kexec: {errno: [OK]}\n', '5:20 expected'],
])('%s', (text, message) => {
  expect(problems(text)[0]).toContain(message);
});

test('a client that does not have a session is named, with the one that has it', () => {
  const made = '  - client: b\n  - create: {session: s, client: b}\n  - memfd: {name: f, size: 4KiB}\n';
  const preserve = '  - preserve: {session: s, file: f, token: 1}\n  - kexec\n';
  expect(problems(made + preserve)).toEqual([
    expect.stringMatching(
      /client main does not have the session "s".*client: b, or .*pass: \{session: s, from: b, to: main\}/s,
    ),
  ]);
  expect(problems(`${made}  - pass: {session: s, from: b, to: main}\n${preserve}`)).toEqual([]);
  expect(problems('  - client: b\n  - finish: {session: s, client: b}\n  - kexec\n')).toEqual([
    expect.stringContaining('no session "s" is open here'),
  ]);
  expect(problems(made + preserve.replace('token: 1', 'token: 1, errno: EBADF'))).toEqual([]);
});
