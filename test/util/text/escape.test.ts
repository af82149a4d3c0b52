// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { printable } from '../../../src/util/text/escape.js';

describe('text from the machine', () => {
  it.each([
    ['plain', 'Kernel panic - not syncing', 'Kernel panic - not syncing'],
    ['other scripts', 'Größe 大小 😀', 'Größe 大小 😀'],
    ['a colour', '\x1b[31mred', '\\x1b[31mred'],
    ['a title for the terminal', '\x1b]0;pwned\x07', '\\x1b]0;pwned\\x07'],
    ['line breaks and tabs', 'a\r\n\tb', 'a\\x0d\\x0a\\x09b'],
    ['NUL and DEL', '\0\x7f', '\\x00\\x7f'],
    ['C1 controls', '\x9b31m\x85', '\\x9b31m\\x85'],
    ['text direction', 'a\u202eb\u2066c\u200f\u061c', 'a\\u202eb\\u2066c\\u200f\\u061c'],
    ['zero width', '\u200b\u200d\u2060\ufeff\u00ad', '\\u200b\\u200d\\u2060\\ufeff\\xad'],
    ['separators of lines', '\u2028\u2029', '\\u2028\\u2029'],
    ['tags', '\u{e0041}', '\\u{e0041}'],
    ['half a character', 'a\ud83d', 'a\\ud83d'],
    ['nothing', '', ''],
  ])('%s', (_, text, shown) => expect(printable(text)).toBe(shown));

  it('is bounded, and half a character is shown as such', () => {
    expect(printable('x'.repeat(100), 10)).toBe('xxxxxxxxxx...');
    expect(printable('x'.repeat(10), 10)).toBe('xxxxxxxxxx');
    expect(printable('xx😀', 3)).toBe('xx\\ud83d...');
  });

  it('leaves no control character in all of Unicode', () => {
    for (let code = 0; code < 0x3000; code++)
      expect(printable(String.fromCodePoint(code))).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  });
});
