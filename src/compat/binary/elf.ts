// SPDX-License-Identifier: Apache-2.0
// Reads ELF files: sections, and the relocated content of unlinked objects. Only 64 bits, little-endian, like the lab's
// kernels.
import { type ByteSource, Cursor, FormatError, stringAt } from './bytes.js';

const HEADER_BYTES = 64;
const SECTION_BYTES = 64;
const RELA_BYTES = 24;
const SYMBOL_BYTES = 24;
const MAX_SECTIONS = 1 << 13;
/** Maximum size of a section. */
export const MAX_SECTION_BYTES = 256 * 2 ** 20;

const SHT_RELA = 4;
const SHT_NOBITS = 8;
const SHF_COMPRESSED = 0x800;
const ET_REL = 1;

export interface ElfSection {
  index: number;
  name: string;
  type: number;
  flags: number;
  /** Lower and upper half of its address in memory; a kernel's address does not fit into a number. */
  address: { low: number; high: number };
  offset: number;
  size: number;
  link: number;
  info: number;
}

export interface Elf {
  source: ByteSource;
  type: number;
  machine: number;
  sections: ElfSection[];
}

/** Names of other machines, for messages about foreign kernels. */
const MACHINES: Readonly<Record<number, string>> = {
  3: 'x86',
  40: 'arm',
  62: 'x86-64',
  183: 'arm64',
  243: 'riscv',
  22: 's390',
  21: 'ppc64',
  258: 'loongarch',
};

export function machineName(machine: number): string {
  return MACHINES[machine] ?? `machine ${machine}`;
}

/** Relocations in debug sections, and the bytes that each one writes. */
const RELOCATIONS: Readonly<Record<number, Readonly<Record<number, number>>>> = {
  62: { 0: 0, 1: 8, 10: 4, 11: 4, 24: 0, 2: 0 },
  183: { 0: 0, 257: 8, 258: 4, 261: 0 },
};

export function readElf(source: ByteSource): Elf {
  if (source.size < HEADER_BYTES) throw new FormatError('no ELF file: too short');
  const head = new Cursor(source.read(0, HEADER_BYTES));
  if (head.u32() !== 0x464c457f) throw new FormatError('no ELF file');
  if (head.u8() !== 2 || head.u8() !== 1) throw new FormatError('an ELF file that is not 64-bit little-endian');
  head.at = 16;
  const type = head.u16();
  const machine = head.u16();
  head.at = 40;
  const table = head.u64();
  head.at = 58;
  const entry = head.u16();
  let count = head.u16();
  let names = head.u16();
  if (table === 0) return { source, type, machine, sections: [] };
  if (entry !== SECTION_BYTES) throw new FormatError(`section headers of ${entry} bytes`);
  // Counts that are too large are in the first section header.
  const first = rawSection(new Cursor(slice(source, table, SECTION_BYTES, 'section headers')), 0);
  if (count === 0) count = first.size;
  if (names === 0xffff) names = first.link;
  if (count > MAX_SECTIONS) throw new FormatError(`${count} sections`);
  const cursor = new Cursor(slice(source, table, count * SECTION_BYTES, 'section headers'));
  const raw = Array.from({ length: count }, (_, index) => rawSection(cursor, index));
  const strings = raw[names];
  if (names === 0 || strings === undefined)
    return { source, type, machine, sections: raw.map((section) => ({ ...section, name: '' })) };
  const text = contentOf(source, { ...strings, name: '' });
  return {
    source,
    type,
    machine,
    sections: raw.map(({ nameAt, ...section }) => ({ ...section, name: stringAt(text, nameAt) })),
  };
}

interface RawSection extends Omit<ElfSection, 'name'> {
  nameAt: number;
}

function rawSection(cursor: Cursor, index: number): RawSection {
  const nameAt = cursor.u32();
  const type = cursor.u32();
  const flags = cursor.u64();
  const address = { low: cursor.u32(), high: cursor.u32() };
  const offset = cursor.u64();
  const size = cursor.u64();
  const link = cursor.u32();
  const info = cursor.u32();
  cursor.skip(16);
  return { index, nameAt, type, flags, address, offset, size, link, info };
}

function slice(source: ByteSource, offset: number, length: number, what: string): Uint8Array {
  if (!(offset >= 0 && length >= 0 && offset + length <= source.size))
    throw new FormatError(`cut off: its ${what} end at ${offset + length}, the file at ${source.size}`);
  return source.read(offset, length);
}

function contentOf(source: ByteSource, section: ElfSection, max = MAX_SECTION_BYTES): Uint8Array {
  const what = section.name === '' ? 'section names' : section.name;
  if (section.type === SHT_NOBITS) throw new FormatError(`${what} has no content in this file`);
  if (section.flags % (2 * SHF_COMPRESSED) >= SHF_COMPRESSED) throw new FormatError(`${what} is compressed`);
  if (section.size > max) throw new FormatError(`${what} has ${section.size} bytes, the limit is ${max}`);
  return slice(source, section.offset, section.size, what);
}

/** All sections of a name: one in a linked kernel, maybe several in a hostile file. */
export function sectionsNamed(elf: Elf, name: string): ElfSection[] {
  return elf.sections.filter((section) => section.name === name);
}

export function sectionBytes(elf: Elf, section: ElfSection, max = MAX_SECTION_BYTES): Uint8Array {
  return contentOf(elf.source, section, max);
}

/** A section's content with its relocations applied; null if there is no such section. */
export function relocatedSection(elf: Elf, name: string): Uint8Array | null {
  const [section] = sectionsNamed(elf, name);
  if (section === undefined) return null;
  const plain = contentOf(elf.source, section);
  if (elf.type !== ET_REL) return plain;
  const bytes = plain.slice();
  for (const table of elf.sections)
    if (table.type === SHT_RELA && table.info === section.index) relocate(elf, bytes, table);
  return bytes;
}

function relocate(elf: Elf, bytes: Uint8Array, table: ElfSection): void {
  const kinds = RELOCATIONS[elf.machine];
  if (kinds === undefined)
    throw new FormatError(`an object file for ${machineName(elf.machine)}, whose relocations are not known`);
  const symbols = elf.sections[table.link];
  if (symbols === undefined) throw new FormatError(`${table.name} names no symbol table`);
  const values = contentOf(elf.source, symbols);
  const entries = new Cursor(contentOf(elf.source, table));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  while (entries.left >= RELA_BYTES) {
    const at = entries.u64();
    const kind = entries.u32();
    const symbol = entries.u32();
    const addend = entries.u64();
    const width = kinds[kind];
    if (width === undefined) throw new FormatError(`${table.name}: relocation of the unknown kind ${kind}`);
    if (width === 0) continue;
    if (at + width > bytes.length) throw new FormatError(`${table.name}: relocation beyond the end of its section`);
    const value = new Cursor(values, symbol * SYMBOL_BYTES + 8).u64() + addend;
    view.setUint32(at, value % 2 ** 32, true);
    if (width === 8) view.setUint32(at + 4, Math.floor(value / 2 ** 32) % 2 ** 32, true);
  }
}
