// SPDX-License-Identifier: Apache-2.0
// Finds what a kernel registers with LUO, in its ELF image and by structure alone: a pointer to operations, then a name
// in char[48] (struct liveupdate_file_handler and struct liveupdate_flb, 6.19 to 7.3). The operations tell which of the
// two it is. Only built-in code is found, not that of modules.
import type { Registered } from '../../model/kernel/component.js';
import { type ByteSource, FormatError } from './bytes.js';
import { type Elf, type ElfSection, readElf, sectionBytes } from './elf.js';

const PROGBITS = 1;
const WRITE = 0x1;
const ALLOC = 0x2;
const EXEC = 0x4;
/** The upper half of every address of the kernel's image on x86-64. */
const KERNEL = 0xffffffff;
const NAME_BYTES = 48;
/** The operations of a handler, without its optional ones: can_preserve, preserve, unpreserve, retrieve, finish. */
const OF_HANDLER = [0, 1, 2, 5, 7];
/** preserve, unpreserve, retrieve, finish; then the module, which is NULL in built-in code. */
const OF_FLB = [0, 1, 2, 3];
const FLB_OWNER = 4;
const OPERATIONS = 8;
const MAX_SECTION = 64 * 2 ** 20;
const MAX_NAMES = 256;
const NAME = /^[a-z][a-z0-9]*(?:[-_;][a-z0-9]+)*$/;

interface Loaded {
  section: ElfSection;
  view: DataView;
}

/** Returns null if the image cannot be read like this. */
export function registeredIn(source: ByteSource): Registered | null {
  try {
    return search(readElf(source));
  } catch (error) {
    if (error instanceof FormatError || error instanceof RangeError) return null;
    throw error;
  }
}

function search(elf: Elf): Registered | null {
  const has = ({ flags }: ElfSection, flag: number): boolean => Math.floor(flags / flag) % 2 === 1;
  const inMemory = elf.sections.filter(
    (section) => section.type === PROGBITS && has(section, ALLOC) && section.address.high === KERNEL,
  );
  // The linker marks .data of some kernels as executable, too.
  const isCode = (section: ElfSection): boolean => has(section, EXEC) && !has(section, WRITE);
  const code = inMemory.filter(isCode);
  const data = inMemory
    .filter((section) => !isCode(section) && section.size <= MAX_SECTION)
    .map((section): Loaded => {
      const bytes = sectionBytes(elf, section);
      return { section, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
    });
  if (code.length === 0 || data.length === 0) return null;
  const found: Registered = { handlers: [], flbs: [] };
  for (const { view } of data) {
    for (let at = 0; at + 8 + NAME_BYTES <= view.byteLength; at += 8) {
      if (view.getUint32(at + 4, true) !== KERNEL) continue;
      const name = nameAt(view, at + 8);
      const kind = name === null ? null : kindOf(view.getUint32(at, true), data, code);
      if (name === null || kind === null || found[kind].includes(name)) continue;
      if (found[kind].push(name) > MAX_NAMES) return null;
    }
  }
  return { handlers: found.handlers.toSorted(), flbs: found.flbs.toSorted() };
}

/** The name in a field of 48 bytes, padded with zeros. */
function nameAt(view: DataView, at: number): string | null {
  const first = view.getUint8(at);
  if (first < 0x61 || first > 0x7a) return null;
  const field = new Uint8Array(view.buffer, view.byteOffset + at, NAME_BYTES);
  const end = field.indexOf(0);
  if (end < 2 || field.subarray(end).some((byte) => byte !== 0)) return null;
  const name = String.fromCharCode(...field.subarray(0, end));
  return NAME.test(name) ? name : null;
}

function kindOf(pointer: number, data: readonly Loaded[], code: readonly ElfSection[]): keyof Registered | null {
  const holder = data.find(({ section }) => within(section, pointer, OPERATIONS * 8));
  if (holder === undefined) return null;
  const start = pointer - holder.section.address.low;
  const isCode = (index: number): boolean => {
    const [low, high] = [
      holder.view.getUint32(start + index * 8, true),
      holder.view.getUint32(start + index * 8 + 4, true),
    ];
    return high === KERNEL && code.some((section) => within(section, low, 1));
  };
  const isEmpty = (index: number): boolean => holder.view.getBigUint64(start + index * 8, true) === 0n;
  if (OF_HANDLER.every(isCode)) return 'handlers';
  return OF_FLB.every(isCode) && isEmpty(FLB_OWNER) ? 'flbs' : null;
}

function within({ address, size }: ElfSection, low: number, length: number): boolean {
  return low >= address.low && low + length <= address.low + size;
}
