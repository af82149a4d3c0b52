// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { plainText, terminalSafe } from '../../src/console/index.js';

it.each([
  ['plain', 'plain'],
  ['a\tb\nc', 'a\tb\nc'],
  ['\u001b[31mred', '\\x1b[31mred'],
  ['\u001b]52;c;aGk=\u0007', '\\x1b]52;c;aGk=\\x07'],
  ['a\rb', 'a\\x0db'],
  ['\u009b2J', '\\x9b2J'],
  ['\u202eevil', '\\u202eevil'],
  ['\0', '\\x00'],
  ['x\u007f\u0008', 'x\\x7f\\x08'],
  ['ünï', 'ünï'],
])('%j is shown as %j', (text, expected) => {
  expect(terminalSafe(text)).toBe(expected);
  expect(terminalSafe(terminalSafe(text))).toBe(expected);
});

it('removes control characters from random bytes', () => {
  let seed = 1;
  const random = (): number => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff;
  for (let round = 0; round < 500; round++) {
    const text = Array.from({ length: 60 }, () =>
      String.fromCharCode(
        random() < 0.5 ? Math.floor(random() * 0x20) + (random() < 0.3 ? 0x80 : 0) : 0x20 + Math.floor(random() * 0x60),
      ),
    ).join('');
    for (const safe of [plainText(text), terminalSafe(text).replaceAll('\n', '')]) {
      // oxlint-disable-next-line no-control-regex
      expect(safe).not.toMatch(/[\x00-\x08\x0a-\x1f\x7f-\x9f]/);
    }
  }
});
