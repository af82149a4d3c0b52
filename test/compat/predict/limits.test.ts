// SPDX-License-Identifier: Apache-2.0
// More sessions, files or bytes of a name than the old kernel accepts.
import { describe, expect, it } from 'vitest';
import { predictScenario } from '../../../src/compat/index.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { KERNELS, type LUO_KERNELS } from './kernels.js';

type Kernel = (typeof LUO_KERNELS)[number];
const NAME = 'n'.repeat(64);

function predicted(kernel: Kernel, body: string) {
  const scenario = parseScenario(`from: a\nto: b\nexpect: refused\n${body}`, 'x.yaml');
  const { outcome, reasons, signs } = predictScenario(scenario, [KERNELS[kernel], KERNELS[kernel]])!;
  return { outcome, reason: reasons[0], signs };
}

const sessions = (count: number) =>
  `sessions: [{name: "s-{i}", count: ${count}, files: []}, {name: last, files: [{memfd: 4KiB}]}]\n`;
const files = (count: number) => `sessions: [{name: s, files: [{name: "f-{i}", count: ${count}, memfd: 4KiB}]}]\n`;
const named = (name: string, errno: string) =>
  `steps:\n  - create: {session: "${name}", errno: ${errno}}\n  - memfd: {name: ram, size: 4KiB}\n` +
  `  - preserve: {session: "${name}", file: ram, token: 1}\n  - kexec\n` +
  `  - retrieve: {session: "${name}", errno: ENOENT}\n`;

describe('limits of the old kernel', () => {
  it.each<[Kernel, string, string, string]>([
    ['7.1.13', 'sessions', sessions(818), 'preserved'],
    ['7.1.13', 'sessions', sessions(819), 'refused'],
    ['6.19.11', 'files', files(128), 'preserved'],
    ['6.19.11', 'files', files(129), 'refused'],
    ['7.2.12', 'sessions', sessions(2000), 'preserved'],
    ['7.3.4', 'files', files(2000), 'preserved'],
  ])('%s: %s %s', (kernel, _, body, outcome) => expect(predicted(kernel, body).outcome).toBe(outcome));

  it('give the errno', () => {
    expect(predicted('7.1.13', files(129))).toMatchObject({
      signs: ['preserve failed with ENOSPC'],
      reason: expect.stringContaining('128 files'),
    });
    expect(predicted('7.1.13', sessions(819))).toMatchObject({
      signs: ['create failed with ENOMEM'],
      reason: expect.stringContaining('819 sessions'),
    });
  });

  it('count open sessions and files only', () => {
    const round = '  - repeat: {count: 900, steps: [{create: "s-{i}"}, {close: "s-{i}"}]}\n';
    expect(
      predicted('7.1.13', `steps:\n${round}  - create: s\n  - kexec\n  - retrieve: s\n  - finish: s\n`).outcome,
    ).toBe('preserved');
  });

  it('for a name: 6.19 accepts 64 bytes and loses the session, later kernels refuse', () => {
    expect(predicted('6.19.11', named(NAME, 'OK'))).toMatchObject({
      outcome: 'leak',
      reason: expect.stringContaining('keeps 63 of'),
    });
    expect(predicted('7.1.13', named(NAME, 'OK'))).toMatchObject({
      outcome: 'refused',
      signs: ['create failed with EINVAL'],
    });
    expect(predicted('7.3.4', 'steps:\n  - create: {session: "", errno: OK}\n  - kexec\n').outcome).toBe('refused');
  });

  it('have no effect if the scenario expects the error', () => {
    const tries =
      `steps:\n  - create: {session: ${NAME}, errno: EINVAL}\n  - create: s\n  - kexec\n  - retrieve: s\n` +
      '  - finish: s\n';
    expect(predicted('7.3.4', tries).outcome).toBe('preserved');
  });
});
