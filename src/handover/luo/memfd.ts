// SPDX-License-Identifier: Apache-2.0
// A serialized memfd: struct memfd_luo_ser and its list of folios, which is in a vmalloc() area that struct kho_vmalloc
// describes (include/linux/kho/abi/memfd.h and kexec_handover.h, mm/memfd_luo.c; 6.19 to 7.3).
import type { Structure } from '../../model/kernel/abi.js';
import type { FileRef } from '../../model/scenario/place.js';
import { Instance } from '../memory/layouts.js';
import { preservedBit } from '../kho/map.js';
import { HandoverError, PAGE } from '../memory/memory.js';
import { fileOf } from './sessions.js';
import type { Walk } from '../memory/source.js';
import { numberLocation, type FieldLocation } from '../memory/field-location.js';

const HANDLER = /^memfd-v\d/;
const MAX_ORDER = 20;

/** True if the memfd handler wrote this file entry. */
export function isMemfd(entry: Instance): boolean {
  return HANDLER.test(entry.text('compatible'));
}

/**
 * @param entry the file's entry in its session
 * @param what name of the file in messages
 */
export function memfdAt(walk: Walk, entry: Instance, what: string): Instance {
  if (!isMemfd(entry)) throw new HandoverError(`${what} is not a memfd: its handler is '${entry.text('compatible')}'`);
  return new Instance(walk.memory, walk.layouts, 'memfd_luo_ser', entry.address('data', 8));
}

export function memfdOf(walk: Walk, file: FileRef): Instance {
  return memfdAt(walk, fileOf(walk, file), label(file));
}

const CHUNK = 'kho_vmalloc_chunk';
const FOLIO = 'memfd_luo_folio_ser';

export function memfdLocation(walk: Walk, file: FileRef, field: string): FieldLocation {
  if (field === 'folios.next') return firstChunk(walk, file).locate('hdr.next.phys');
  return memfdOf(walk, file).locate(field === 'folios.first' ? 'folios.first.phys' : field);
}

function firstChunk(walk: Walk, file: FileRef): Instance {
  return new Instance(walk.memory, walk.layouts, CHUNK, memfdOf(walk, file).address('folios.first.phys', PAGE));
}

/** The entry with the address of a block in the first chunk of the list of folios. */
export function blockLocation(walk: Walk, file: FileRef, block: number): FieldLocation {
  const chunk = firstChunk(walk, file);
  const { offset, size } = chunk.field('phys');
  if (block * 8 + 8 > size) throw new HandoverError(`a chunk of the list of folios holds ${size / 8} addresses`);
  return numberLocation(chunk.phys + offset + block * 8, 8, chunk.phys);
}

function label({ session, token }: FileRef): string {
  return `${session}/${token}`;
}

/** The folios of a memfd in order. Throws HandoverError if the list is invalid or shorter than it claims. */
export class FolioList {
  private readonly count: bigint;
  private readonly order: number;
  private readonly chunks: number[] = [];

  constructor(
    private readonly walk: Walk,
    private readonly memfd: Instance,
    private readonly what: string,
  ) {
    this.count = memfd.number('nr_folios');
    this.order = Number(memfd.number('folios.order'));
    if (this.order > MAX_ORDER)
      throw new HandoverError(
        `${what}: its list of folios has blocks of order ${this.order}, at most ${MAX_ORDER} is possible`,
      );
  }

  get length(): bigint {
    return this.count;
  }

  at(index: number): Instance {
    if (BigInt(index) >= this.count)
      throw new HandoverError(`${this.what}: there is no folio ${index}, only ${this.count}`);
    const byte = index * this.walk.layouts.size(FOLIO);
    const blockBytes = PAGE * 2 ** this.order;
    return new Instance(
      this.walk.memory,
      this.walk.layouts,
      FOLIO,
      this.block(Math.floor(byte / blockBytes)) + (byte % blockBytes),
    );
  }

  /** All folios in order. Reads a page of the list at once, as there may be millions. */
  *all(): Generator<{ pfn: number; index: number }> {
    const { layouts, memory } = this.walk;
    const size = layouts.size(FOLIO);
    const [pfn, index] = [numberIn(layouts.get(FOLIO), 'pfn'), numberIn(layouts.get(FOLIO), 'index')];
    const blockBytes = PAGE * 2 ** this.order;
    for (let i = 0; BigInt(i) < this.count;) {
      const byte = i * size;
      const inPage = byte % PAGE;
      if (inPage + size > PAGE) {
        const folio = this.at(i++);
        yield { pfn: Number(folio.number('pfn')), index: Number(folio.number('index')) };
        continue;
      }
      const page = this.block(Math.floor(byte / blockBytes)) + (byte % blockBytes) - inPage;
      const view = new DataView(memory.bytes(page, PAGE, this.what).buffer);
      for (let at = inPage; at + size <= PAGE && BigInt(i) < this.count; at += size, i++)
        yield { pfn: pfn(view, at), index: index(view, at) };
    }
  }

  /** Physical address of one block of the area: 2^order pages. */
  private block(number: number): number {
    const { offset, size } = this.walk.layouts.get(CHUNK).fields.find(({ name }) => name === 'phys') ?? {
      offset: 0,
      size: 0,
    };
    const perChunk = Math.floor(size / 8);
    if (perChunk < 1) throw new HandoverError('struct kho_vmalloc_chunk of this kernel holds no addresses');
    const chunk = this.chunk(Math.floor(number / perChunk));
    const { memory } = this.walk;
    return memory.address(
      memory.number(chunk + offset + (number % perChunk) * 8, 8, this.what),
      PAGE,
      `${this.what}: a block of its list of folios`,
    );
  }

  /** The list's length limits the number of chunks; a loop is an error. */
  private chunk(number: number): number {
    while (this.chunks.length <= number) {
      const last = this.chunks.at(-1);
      const next =
        last === undefined
          ? this.memfd.address('folios.first.phys', PAGE)
          : new Instance(this.walk.memory, this.walk.layouts, CHUNK, last).address('hdr.next.phys', PAGE);
      if (this.chunks.includes(next)) throw new HandoverError(`${this.what}: its list of folios does not end`);
      this.chunks.push(next);
    }
    return this.chunks[number] as number;
  }
}

/** Reads a 64-bit field, or bit field, of a structure at an offset of a page. */
function numberIn({ name, fields }: Structure, field: string): (page: DataView, at: number) => number {
  const found = fields.find((each) => each.name === field);
  if (found?.size !== 8) throw new HandoverError(`struct ${name} of this kernel has no 64-bit field ${field}`);
  const { offset, bits } = found;
  if (bits === null) return (page, at) => Number(page.getBigUint64(at + offset, true));
  const shift = BigInt(bits.offset - offset * 8);
  const mask = (1n << BigInt(bits.size)) - 1n;
  return (page, at) => Number((page.getBigUint64(at + offset, true) >> shift) & mask);
}

function foliosOf(walk: Walk, file: FileRef): FolioList {
  return new FolioList(walk, memfdOf(walk, file), label(file));
}

export function folioLocation(
  walk: Walk,
  file: FileRef,
  index: number,
  field: 'pfn' | 'flags' | 'index' | 'preserved',
): FieldLocation {
  const folio = foliosOf(walk, file).at(index);
  if (field !== 'preserved') return folio.locate(field);
  const bit = preservedBit(walk, Number(folio.number('pfn')));
  if (bit === null) throw new HandoverError(`${label(file)}: folio ${index} is not in the map of preserved memory`);
  return bit.location;
}

/** One byte of the content. The list of folios gives the page frame, the map of preserved memory the folio's size. */
export function contentLocation(walk: Walk, file: FileRef, page: number, byte: number): FieldLocation {
  const list = foliosOf(walk, file);
  let candidate: { index: number; pfn: number } | null = null;
  // Folios are in file order with at least one page each, so the right one is among the first page + 1.
  for (let i = 0; i <= page && BigInt(i) < list.length; i++) {
    const folio = list.at(i);
    const index = Number(folio.number('index'));
    if (index <= (candidate?.index ?? -1))
      throw new HandoverError(`${label(file)}: its folios are not in the order of the file`);
    if (index > page) break;
    candidate = { index, pfn: Number(folio.number('pfn')) };
  }
  const pages = candidate === null ? 0 : candidate.index === page ? 1 : 2 ** (orderOf(walk, candidate.pfn) ?? 0);
  if (candidate === null || candidate.pfn === 0 || page - candidate.index >= pages)
    throw new HandoverError(`${label(file)}: no folio holds page ${page}`);
  const phys = (candidate.pfn + page - candidate.index) * PAGE + byte;
  walk.memory.bytes(phys, 1, `page ${page} of ${label(file)}`);
  return numberLocation(phys, 1, phys - byte);
}

function orderOf(walk: Walk, pfn: number): number | null {
  return walk.source.orderOf ? walk.source.orderOf(pfn) : (preservedBit(walk, pfn)?.order ?? null);
}
