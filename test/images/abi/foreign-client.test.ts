// SPDX-License-Identifier: Apache-2.0
// In which scenarios something may be handed over that only the machine's memory shows.
import { expect, it } from 'vitest';
import { hasForeignClient, needsHandoverFormat } from '../../../src/images/abi/handover-format.js';
import { parseScenario } from '../../../src/scenario/index.js';

const scenario = (body: string) => parseScenario(`from: a\nto: b\n${body}\n`, 'x.yaml');
const steps = (...lines: string[]) =>
  scenario(`steps:\n${lines.map((line) => `  - ${line}\n`).join('')}expect: preserved`);

it.each([
  ['a program', steps('exec: /bin/client', 'kexec'), true],
  [
    'a descriptor of any kind',
    steps('create: s', 'descriptor: {name: d, kind: eventfd}', 'preserve-fd: {session: s, fd: d, token: 1}', 'kexec'),
    true,
  ],
  ['a test of two stages', scenario('kselftest: luo_kexec_simple\nexpect: preserved'), true],
  ['a test that hands nothing over', scenario('kselftest: liveupdate\nexpect: preserved'), false],
  ['a file that the lab knows', scenario('sessions: [{name: s, files: [{name: f, memfd: 1MiB}]}]'), false],
])('%s', (_, each, foreign) => {
  expect(hasForeignClient(each)).toBe(foreign);
  expect(needsHandoverFormat(each)).toBe(foreign);
});
