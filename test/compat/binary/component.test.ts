// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { ComponentError, formatComponent, parseComponent, versionsOf } from '../../../src/compat/index.js';

describe('parseComponent', () => {
  it.each([
    ['kho-v4', [['kho', 4]]],
    [
      'kho-v4;vmalloc-v1;radix-v1',
      [
        ['kho', 4],
        ['vmalloc', 1],
        ['radix', 1],
      ],
    ],
    ['memfd-v2\0', [['memfd', 2]]],
    [
      'luo-session-v2\0luo-flb-v1\0',
      [
        ['luo-session', 2],
        ['luo-flb', 1],
      ],
    ],
    ['kexec-metadata 1', [['kexec-metadata', 1]]],
    ['kexec-metadata: 1', [['kexec-metadata', 1]]],
    ['kexec-metadata=12', [['kexec-metadata', 12]]],
    [' kho-v4 ;; ', [['kho', 4]]],
    ['kho-v4;kho-v4', [['kho', 4]]],
    [
      'kho-v4;kho-v5',
      [
        ['kho', 4],
        ['kho', 5],
      ],
    ],
    ['liveupdate-test-flb-v0', [['liveupdate-test-flb', 0]]],
  ])('reads %j', (text, expected) => {
    expect(parseComponent(text)).toEqual(expected.map(([name, version]) => ({ name, version })));
  });

  it.each([
    '',
    '\0',
    'kho',
    'kho-v',
    'kho-v-1',
    'kho-v1.5',
    'kho-v04',
    'kho-v99999999999',
    '-v1',
    'a b-v1',
    'kho-v1x',
    '\u001b[31m-v1',
    'é-v1',
    `${'x'.repeat(60)}-v1`,
  ])('rejects %j', (text) => {
    expect(() => parseComponent(text)).toThrow(ComponentError);
  });

  it('limits the input', () => {
    expect(() => parseComponent('x'.repeat(1 << 20))).toThrow(/too long/);
    expect(() => parseComponent(Array.from({ length: 300 }, (_, i) => `c${i}-v1`).join(';'))).toThrow(/more than 256/);
  });

  it('shows junk without its control characters', () => {
    expect(() => parseComponent('\u001b]0;x\u0007')).toThrow(/^'\?\]0' is not a component/);
  });

  it('orders versions as numbers', () => {
    expect(versionsOf(parseComponent('kho-v9;kho-v10;kho-v2'), 'kho')).toEqual([10, 9, 2]);
    expect(formatComponent({ name: 'memfd', version: 10 })).toBe('memfd-v10');
  });
});
