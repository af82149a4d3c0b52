// SPDX-License-Identifier: Apache-2.0
// Reads addresses of symbols from the ELF file of a linked kernel.
import { type ByteSource, stringAt } from './bytes.js';
import { readElf, sectionBytes } from './elf.js';

const SHT_SYMTAB = 2;
const SYMBOL_BYTES = 24;
const VALUE = 8;
const INFO = 4;
const SIZE = 16;
const STT_FUNC = 2;
const STT_FILE = 4;
const STB_LOCAL = 0;
const MAX_FUNCTIONS = 1 << 20;

export interface FunctionSymbol {
  name: string;
  /** Linear address. */
  address: bigint;
  /** Bytes. */
  size: number;
  /** Name of its source file without folders; null if the symbol table does not tell, as for global functions. */
  file: string | null;
}

/** Each symbol of an ELF file: its name is read only on demand. Throws FormatError if the source is none. */
function* symbolTable(source: ByteSource): Generator<{ words: DataView; at: number; name: () => string }> {
  const elf = readElf(source);
  for (const table of elf.sections.filter(({ type }) => type === SHT_SYMTAB)) {
    const strings = elf.sections[table.link];
    if (strings === undefined) continue;
    const text = sectionBytes(elf, strings);
    const bytes = sectionBytes(elf, table);
    const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + SYMBOL_BYTES <= bytes.length; at += SYMBOL_BYTES)
      yield { words, at, name: () => stringAt(text, words.getUint32(at, true)) };
  }
}

/**
 * Name to linear address of the wanted symbols; the first one if two have the same name. Throws FormatError if the
 * source is not an ELF file.
 */
export function symbolsOf(source: ByteSource, wanted: readonly string[]): Map<string, bigint> {
  const symbols = new Map<string, bigint>();
  for (const { words, at, name: read } of symbolTable(source)) {
    const name = read();
    if (wanted.includes(name) && !symbols.has(name)) symbols.set(name, words.getBigUint64(at + VALUE, true));
  }
  return symbols;
}

/** All functions of a linked kernel. Throws FormatError if the source is not an ELF file. */
export function functionsOf(source: ByteSource): FunctionSymbol[] {
  const functions: FunctionSymbol[] = [];
  // A symbol for the file comes before its local symbols.
  let file: string | null = null;
  for (const { words, at, name } of symbolTable(source)) {
    const info = words.getUint8(at + INFO);
    const kind = info & 15;
    if (kind === STT_FILE) file = name();
    else if (kind === STT_FUNC && functions.length < MAX_FUNCTIONS)
      functions.push({
        name: name(),
        address: words.getBigUint64(at + VALUE, true),
        size: Number(words.getBigUint64(at + SIZE, true)),
        file: info >> 4 === STB_LOCAL ? file : null,
      });
  }
  return functions;
}
