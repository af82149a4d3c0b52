// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { describeSignals, scan } from './golden.js';

const marks = (...lines: string[]): string[] =>
  describeSignals(scan(new TextEncoder().encode(lines.join('\r\n'))))
    .split('\n')
    .filter((line) => line.startsWith('MARK'));
const boot = (release: string, stamp = '[    0.000000] '): string =>
  `${stamp}Linux version ${release} (lab@lab) (gcc 12.2.0) #1 SMP`;

it('expects a boot after a kexec', () => {
  expect(marks(boot('7.2.12'), '[    2.0] x', '[    2.015171] kexec_core: Starting new kernel', boot('7.3.4'))).toEqual(
    ['MARK: boot 7.2.12 first', 'MARK: kexec-start', 'MARK: boot 7.3.4 kexec'],
  );
});

it('calls a boot without a kexec cold', () => {
  expect(marks(boot('7.2.12'), boot('7.2.12'))).toEqual(['MARK: boot 7.2.12 first', 'MARK: boot 7.2.12 cold']);
});

it('calls a boot from the firmware cold, even after a kexec', () => {
  expect(
    marks(
      '\u001bc\u001b[?7l\u001b[2J\u001b[0mSeaBIOS (version 1.16.2-debian-1.16.2-1)',
      boot('7.2.12'),
      '[    2.000000] kexec_core: Starting new kernel',
      'SeaBIOS (version 1.16.2)',
      boot('7.3.4'),
    ),
  ).toEqual([
    'MARK: firmware',
    'MARK: boot 7.2.12 first',
    'MARK: kexec-start',
    'MARK: firmware',
    'MARK: boot 7.3.4 cold',
  ]);
});

it('reads lines with thread ids, with levels, after a prompt, and without time stamps', () => {
  expect(
    marks(
      boot('7.3.4', '[    0.000000][    T0] '),
      '<5>[    1.000000][  T1] kexec_core: Starting new kernel',
      boot('7.3.5', ''),
    ),
  ).toEqual(['MARK: boot 7.3.4 first', 'MARK: kexec-start', 'MARK: boot 7.3.5 kexec']);
  expect(marks(boot('7.3.4'), '~ # [    1.000000] kexec_core: Starting new kernel')).toEqual([
    'MARK: boot 7.3.4 first',
    'MARK: kexec-start',
  ]);
});

it('sees no boot when user space quotes a kernel', () => {
  expect(
    marks(boot('7.3.4'), boot('9.9.9', ''), 'kexec_core: Starting new kernel', `[   12.000000] ${boot('9.9.9', '')}`),
  ).toEqual(['MARK: boot 7.3.4 first']);
});

it('gives the object of a ready line, or null if it is damaged', () => {
  expect(marks('LAB-READY {"stage":1}', 'LAB-READY {"sta[    1.000000] usb', 'LAB-READY ')).toEqual([
    'MARK: ready {"stage":1}',
    'MARK: ready null',
    'MARK: ready null',
  ]);
});
