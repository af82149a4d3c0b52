// SPDX-License-Identifier: Apache-2.0
// Reads addresses of symbols from the ELF file of a linked kernel.
import { type ByteSource, stringAt } from './bytes.js';
import { readElf, sectionBytes } from './elf.js';

const SHT_SYMTAB = 2;
const SYMBOL_BYTES = 24;
const VALUE = 8;

/**
 * Name to linear address of the wanted symbols; the first one if two have the same name. Throws FormatError if the
 * source is not an ELF file.
 */
export function symbolsOf(source: ByteSource, wanted: readonly string[]): Map<string, bigint> {
  const elf = readElf(source);
  const symbols = new Map<string, bigint>();
  for (const table of elf.sections.filter(({ type }) => type === SHT_SYMTAB)) {
    const strings = elf.sections[table.link];
    if (strings === undefined) continue;
    const text = sectionBytes(elf, strings);
    const bytes = sectionBytes(elf, table);
    const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + SYMBOL_BYTES <= bytes.length; at += SYMBOL_BYTES) {
      const name = stringAt(text, words.getUint32(at, true));
      if (wanted.includes(name) && !symbols.has(name)) symbols.set(name, words.getBigUint64(at + VALUE, true));
    }
  }
  return symbols;
}
