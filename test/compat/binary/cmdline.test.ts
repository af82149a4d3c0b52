// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { switchOf } from '../../../src/compat/index.js';

it.each([
  ['', null],
  ['kho', null],
  ['kho=on', true],
  ['kho=off', false],
  ['kho=1', true],
  ['kho=0', false],
  ['kho=y', true],
  ['kho=No', false],
  ['kho=junk', null],
  ['kho=on kho=off', false],
  ['kho=off kho=on', true],
  ['kho=off kho=junk', false],
  ['nokho=on', null],
  ['kho_scratch=32M', null],
  ['"kho=off"', false],
  ['kho="off"', false],
  ['dyndbg="kho=off"', null],
  ['x="a kho=off b"', null],
  ['-- kho=off', null],
  ['KHO=off', null],
])('kho in %j is %j', (line, expected) => {
  expect(switchOf(line, 'kho')).toBe(expected);
});
