// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { LineSplitter } from '../../../src/util/text/lines.js';

/** Feeds the chunks and returns the lines; a cut line ends with `~`. */
function split(chunks: readonly (string | Buffer)[], limit?: number): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line, cut) => lines.push(cut ? `${line}~` : line), limit);
  for (const chunk of chunks) splitter.feed(Buffer.from(chunk));
  return lines;
}

describe('lines', () => {
  it.each<[string, string[], string[]]>([
    ['one a chunk', ['a\n', 'b\n'], ['a', 'b']],
    ['many a chunk', ['a\nb\n\nc\n'], ['a', 'b', '', 'c']],
    ['in pieces', ['a', 'b', '\nc', '\n'], ['ab', 'c']],
    ['without an end', ['a\nb'], ['a']],
    ['with a carriage return', ['a\r\n'], ['a\r']],
    ['nothing', ['', '\n', ''], ['']],
  ])('%s', (_, chunks, lines) => expect(split(chunks)).toEqual(lines));

  it.each<[string, string[], string[]]>([
    ['just as long as allowed', ['1234\n5\n'], ['1234', '5']],
    ['too long in one chunk', ['12345\n6\n'], ['1234~', '6']],
    ['too long over chunks', ['123', '45', '67', '8\n9\n'], ['1234~', '9']],
    ['full, then more', ['1234', '5\n', '6\n'], ['1234~', '6']],
  ])('a line that is %s', (_, chunks, lines) => expect(split(chunks, 4)).toEqual(lines));

  it('keep multi-byte characters whole, wherever a chunk ends', () => {
    const text = Buffer.from('ä€😀\n');
    for (let at = 0; at <= text.length; at++)
      expect(split([text.subarray(0, at), text.subarray(at)])).toEqual(['ä€😀']);
    expect(split([...text].map((byte) => Buffer.of(byte)))).toEqual(['ä€😀']);
  });

  it('do not change when the caller reuses its buffer', () => {
    const lines: string[] = [];
    const splitter = new LineSplitter((line) => lines.push(line));
    const buffer = Buffer.from('abc');
    splitter.feed(buffer);
    buffer.fill('x');
    splitter.feed(Buffer.from('\n'));
    expect(lines).toEqual(['abc']);
  });

  it('a line that never ends takes no more than its limit', () => {
    const chunk = Buffer.alloc(1 << 20, 'x');
    const lines: string[] = [];
    const splitter = new LineSplitter((line) => lines.push(line), 1000);
    for (let i = 0; i < 200; i++) splitter.feed(chunk);
    splitter.feed(Buffer.from('\nend\n'));
    expect(lines.map(({ length }) => length)).toEqual([1000, 3]);
  });
});
