// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { FormatError, fromMemory } from '../../../src/compat/binary/bytes.js';
import { readElf } from '../../../src/compat/binary/elf.js';
import { symbolsOf } from '../../../src/compat/binary/elf-symbols.js';
import { compileC } from './objects.js';

const TEXT = 'unsigned long other = 1; static unsigned long mask __attribute__((used)) = 2; unsigned long last = 3;\n';

describe('symbols of an ELF file', () => {
  it('gives the addresses of the wanted symbols, also static ones', () => {
    const symbols = symbolsOf(fromMemory(compileC(TEXT)), ['mask', 'last', 'nobody']);
    expect(symbols).toEqual(
      new Map([
        ['mask', 8n],
        ['last', 16n],
      ]),
    );
  });

  it('rejects a damaged file with a FormatError', () => {
    const bytes = Buffer.from(compileC(TEXT));
    const table = readElf(fromMemory(bytes)).sections.find(({ type }) => type === 2);
    // The name of the first real symbol is after the end of the strings.
    bytes.writeUInt32LE(0xffff_ffff, (table?.offset ?? 0) + 24);
    expect(() => symbolsOf(fromMemory(bytes), ['mask'])).toThrow(FormatError);
    expect(() => symbolsOf(fromMemory(Buffer.from('GIF89a')), ['mask'])).toThrow(FormatError);
  });
});
