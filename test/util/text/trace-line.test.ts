// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { parseTraceLine } from '../../../src/util/text/trace-line.js';

const AT = 1795358673724761;

it.each([
  ['4711@1795358673.724761:vtd_dmar_enable enable 1', AT, 'vtd_dmar_enable', 'enable 1', 'trace'],
  ['4711@1795358673.724761:vtd_reset', AT, 'vtd_reset', '', 'trace'],
  ['2026-11-22T14:44:33.724761Z vtd_dmar_enable enable 1', AT, 'vtd_dmar_enable', 'enable 1', 'trace'],
  ['2026-11-22T14:44:33.724761Z qemu(12:main): vtd_dmar_enable enable 1', AT, 'vtd_dmar_enable', 'enable 1', 'trace'],
  ['2026-11-22T14:44:33.724761Z qemu-system-x86_64: vtd_translate: bad', AT, 'vtd_translate', 'bad', 'error'],
  ['qemu-system-x86_64: vtd_translate: bad', null, 'vtd_translate', 'bad', 'error'],
  ['vtd_dmar_enable enable 1', null, 'vtd_dmar_enable', 'enable 1', 'trace'],
  ['2026-13-22T14:44:33.724761Z vtd_reset', null, 'vtd_reset', '', 'trace'],
] as const)('%s', (line, tMicros, name, text, source) => {
  expect(parseTraceLine(line)).toEqual({ tMicros, name, text, source });
});

it.each(['', 'qemu-system-x86_64: warning', 'qemu-system-x86_64: -device x: no such thing', '4711@17953.7:vtd enable'])(
  'nothing of that form: "%s"',
  (line) => expect(parseTraceLine(line)).toBeNull(),
);
