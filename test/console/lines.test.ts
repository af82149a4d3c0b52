// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { ConsoleLines, MAX_LINE, type ConsoleLine } from '../../src/console/lines.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function split(...pieces: Uint8Array[]): ConsoleLine[] {
  const splitter = new ConsoleLines();
  const lines: ConsoleLine[] = [];
  for (const piece of pieces) splitter.feed(piece, (line) => lines.push(line));
  splitter.end((line) => lines.push(line));
  return lines;
}
const short = (lines: ConsoleLine[]) => lines.map(({ number, text, cut }) => `${number}:${text}${cut ? '!' : ''}`);

describe('ConsoleLines', () => {
  it.each([
    ['', []],
    ['a\nb', ['1:a', '2:b']],
    ['a\r\nb\r\n', ['1:a', '2:b']],
    ['a\r\r\n\r\nb', ['1:a', '2:', '3:b']],
    ['\n\na', ['1:', '2:', '3:a']],
    ['10%\r20%\r\nb\n', ['1:10%', '1:20%', '2:b']],
    ['a\0b\0\n', ['1:ab']],
    ['\u001bc\u001b[?7l\u001b[2J\u001b[0mSeaBIOS\r\n', ['1:SeaBIOS']],
    ['\u001b]0;title\u0007x\u001b(By\n', ['1:xy']],
    ['a\u009b31mb\u202ec\n', ['1:a31mbc']],
    ['é\u2014\n', ['1:é—']],
    ['tab\there\n', ['1:tab\there']],
  ])('splits %j', (text, expected) => {
    expect(short(split(bytes(text)))).toEqual(expected);
    expect(short(split(...[...bytes(text)].map((byte) => Uint8Array.of(byte))))).toEqual(expected);
  });

  it('accepts bytes that are not text', () => {
    expect(split(Uint8Array.of(0x61, 0xff, 0xfe, 0x62, 0x0a))[0]?.text).toBe('a\ufffd\ufffdb');
  });

  it('cuts long lines, in pieces or at once, and continues after them', () => {
    const long = bytes(`${'x'.repeat(3 * MAX_LINE)}\nnext\n`);
    const expected = [
      { number: 1, text: 'x'.repeat(MAX_LINE), cut: true },
      { number: 2, text: 'next', cut: false },
    ];
    expect(split(long)).toEqual(expected);
    expect(
      split(long.subarray(0, MAX_LINE - 1), long.subarray(MAX_LINE - 1, MAX_LINE), long.subarray(MAX_LINE)),
    ).toEqual(expected);
    expect(split(bytes(`${'y'.repeat(MAX_LINE)}\n`))[0]?.cut).toBe(false);
  });
});
