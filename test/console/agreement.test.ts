// SPDX-License-Identifier: Apache-2.0
// How far two consoles agree.
import { expect, it } from 'vitest';
import { agreementOf } from '../../src/console/index.js';

const ID = '3e1b2793-dcb4-44dc-b18a-963a464693c3';
const OTHER_ID = '0197ab23-6e39-498e-a7ec-7e1a3c800bf5';
const ready = (id: string, mono: string, epoch = 0) =>
  `LAB-READY {"ready":1,"epoch":${epoch},"bootId":"${id}","release":"7.3.4-lab","mono":${mono}}`;
const text = (...lines: string[]) => lines;

it('leaves times aside, in front of a line and within it', () => {
  const one = text(
    '[    0.000000] Linux version 7.3.4-lab',
    '[    1.278478] sched_clock: Marking stable (1268023088, 7133088)->(1366966320, -91810144)',
    '[    1.3] tsc: Refined TSC clocksource calibration: 1000.000 MHz',
    '[    1.4][    T1] Run /init as init process\r',
    ready(ID, '1.379'),
    'LAB-INIT 0.008 s from its start to here',
  );
  const other = text(
    '[    0.000000] Linux version 7.3.4-lab',
    '[    1.279000] sched_clock: Marking stable (1288062608, 7133088)->(1387005840, -91810144)',
    '[    1.4] tsc: Refined TSC clocksource calibration: 999.999 MHz',
    '[    1.5][    T1] Run /init as init process',
    ready(OTHER_ID, '1.4'),
    'LAB-INIT 0.007 s from its start to here',
  );
  expect(agreementOf(one, other)).toEqual({ lines: [6, 6], equal: 2, measured: 4, first: null });
  expect(agreementOf(one, one)).toEqual({ lines: [6, 6], equal: 6, measured: 0, first: null });
});

it('finds the first line that differs, and what is the same behind it', () => {
  const one = text('a', '[ 1.0] b', 'c', 'd', 'e');
  expect(agreementOf(one, text('a', 'x', 'b', 'c', 'e'))).toEqual({
    lines: [5, 5],
    equal: 4,
    measured: 0,
    first: { line: 2, texts: ['b', 'x'] },
  });
  expect(agreementOf(one, text('a', 'b'))).toMatchObject({
    lines: [5, 2],
    equal: 2,
    first: { line: 3, texts: ['c', null] },
  });
  expect(agreementOf([], ['a'])).toMatchObject({ lines: [0, 1], equal: 0, first: { line: 1, texts: [null, 'a'] } });
});

it('takes another order for a difference', () => {
  expect(agreementOf(text('a', 'b', 'c'), text('b', 'a', 'c'))).toMatchObject({ equal: 2, first: { line: 1 } });
});

it('does not take another kernel or epoch for a measured time', () => {
  expect(agreementOf([ready(ID, '1', 0)], [ready(ID, '1', 1)])).toMatchObject({ equal: 0, measured: 0 });
  expect(agreementOf(['[ 1.0] a 1.5'], ['[ 1.0] a 1.6'])).toMatchObject({ equal: 0, measured: 0 });
});

it('compares no more than it can', () => {
  const flood = (word: string) => text('begin', ...Array.from({ length: 9000 }, (_, i) => `${word}${i}`), 'end');
  const began = performance.now();
  expect(agreementOf(flood('a'), flood('b'))).toMatchObject({ equal: 2, first: { line: 2 } });
  expect(performance.now() - began).toBeLessThan(2000);
});
