// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { FormatError, fromMemory } from '../../../src/compat/binary/bytes.js';
import { readElf } from '../../../src/compat/binary/elf.js';
import { symbolsOf } from '../../../src/compat/binary/elf-symbols.js';
import { compileC } from './objects.js';

const TEXT = 'unsigned long other = 1; static unsigned long mask __attribute__((used)) = 2; unsigned long last = 3;\n';

describe('symbols of an ELF file', () => {
  it('have the addresses of those that are asked for, static ones too', () => {
    const found = symbolsOf(fromMemory(compileC(TEXT)), ['mask', 'last', 'nobody']);
    expect(found).toEqual(
      new Map([
        ['mask', 8n],
        ['last', 16n],
      ]),
    );
  });

  it('a damaged file is refused in order', () => {
    const bytes = Buffer.from(compileC(TEXT));
    const table = readElf(fromMemory(bytes)).sections.find(({ type }) => type === 2);
    // The name of the first real symbol lies beyond its strings.
    bytes.writeUInt32LE(0xffff_ffff, (table?.offset ?? 0) + 24);
    expect(() => symbolsOf(fromMemory(bytes), ['mask'])).toThrow(FormatError);
    expect(() => symbolsOf(fromMemory(Buffer.from('GIF89a')), ['mask'])).toThrow(FormatError);
  });
});
