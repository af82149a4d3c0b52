// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { FormatError, fromMemory } from '../../../src/compat/binary/bytes.js';
import { readElf, relocatedSection, sectionBytes, sectionsNamed } from '../../../src/compat/binary/elf.js';
import { compileC } from './objects.js';

const TEXT =
  'int answer __attribute__((section(".lab.answer"))) = 42;\n' +
  'int *place __attribute__((section(".debug_lab"))) = &answer;\n';
const elfOf = (bytes: Uint8Array) => readElf(fromMemory(bytes));

describe('ELF files', () => {
  it('have sections with names and content', () => {
    const elf = elfOf(compileC(TEXT));
    const [section] = sectionsNamed(elf, '.lab.answer');
    expect(section?.size).toBe(4);
    if (section) expect([...sectionBytes(elf, section)]).toEqual([42, 0, 0, 0]);
    expect(relocatedSection(elf, '.nowhere')).toBe(null);
    expect(relocatedSection(elf, '.debug_str')?.length).toBeGreaterThan(20);
  });

  it.each<[string, (bytes: Buffer) => void, string]>([
    ['no ELF file', (b) => b.write('GIF89a'), 'no ELF file'],
    ['32 bits', (b) => b.writeUInt8(1, 4), 'not 64-bit little-endian'],
    ['big-endian', (b) => b.writeUInt8(2, 5), 'not 64-bit little-endian'],
    ['section headers of another size', (b) => b.writeUInt16LE(40, 58), 'section headers of 40 bytes'],
    ['section headers beyond the end', (b) => b.writeBigUInt64LE(1n << 40n, 40), 'cut off'],
    ['section headers at the end of the number line', (b) => b.writeBigUInt64LE((1n << 64n) - 1n, 40), 'cut off'],
    ['more sections than there are bytes', (b) => b.writeUInt16LE(4000, 60), 'cut off'],
    ['very many sections', (b) => b.writeUInt16LE(60_000, 60), '60000 sections'],
    ['names beyond the end', (b) => b.writeBigUInt64LE(1n << 50n, tableOf(b) + nameSection(b) * 64 + 24), 'cut off'],
  ])('%s: refused in order', (_what, damage, message) => {
    const bytes = Buffer.from(compileC(TEXT));
    damage(bytes);
    expect(() => elfOf(bytes)).toThrow(message);
  });

  it('compressed, huge and empty sections cannot be read', () => {
    const bytes = Buffer.from(compileC(TEXT));
    const elf = elfOf(bytes);
    const [section] = sectionsNamed(elf, '.lab.answer');
    if (!section) throw new Error('no section');
    expect(() => sectionBytes(elf, { ...section, flags: 0x800 })).toThrow('is compressed');
    expect(() => sectionBytes(elf, { ...section, type: 8 })).toThrow('no content');
    expect(() => sectionBytes(elf, { ...section, size: 2 ** 40 })).toThrow('the limit is 268435456');
    expect(() => sectionBytes(elf, section, 3)).toThrow('the limit is 3');
    expect(() => sectionBytes(elf, { ...section, offset: 2 ** 60 })).toThrow(FormatError);
  });

  it('rejects objects for machines with unknown relocations', () => {
    const bytes = Buffer.from(compileC(TEXT));
    bytes.writeUInt16LE(243, 18);
    expect(() => relocatedSection(elfOf(bytes), '.debug_info')).toThrow('an object file for riscv');
  });
});

const tableOf = (bytes: Buffer): number => Number(bytes.readBigUInt64LE(40));
const nameSection = (bytes: Buffer): number => bytes.readUInt16LE(62);
