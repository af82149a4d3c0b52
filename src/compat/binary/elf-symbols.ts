// SPDX-License-Identifier: Apache-2.0
// Addresses of a linked kernel's own symbols, out of its ELF file.
import { type ByteSource, stringAt } from './bytes.js';
import { readElf, sectionBytes } from './elf.js';

const SHT_SYMTAB = 2;
const SYMBOL_BYTES = 24;
const VALUE = 8;

/**
 * Name to linear address, of those that are asked for; of two of one name the first. Throws FormatError for what is no
 * ELF file.
 */
export function symbolsOf(source: ByteSource, wanted: readonly string[]): Map<string, bigint> {
  const elf = readElf(source);
  const found = new Map<string, bigint>();
  for (const table of elf.sections.filter(({ type }) => type === SHT_SYMTAB)) {
    const strings = elf.sections[table.link];
    if (strings === undefined) continue;
    const text = sectionBytes(elf, strings);
    const bytes = sectionBytes(elf, table);
    const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + SYMBOL_BYTES <= bytes.length; at += SYMBOL_BYTES) {
      const name = stringAt(text, words.getUint32(at, true));
      if (wanted.includes(name) && !found.has(name)) found.set(name, words.getBigUint64(at + VALUE, true));
    }
  }
  return found;
}
