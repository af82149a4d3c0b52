// SPDX-License-Identifier: Apache-2.0
// What the handler of memfds writes: struct memfd_luo_ser, and the list of its folios, which lies in an area of
// vmalloc() that struct kho_vmalloc describes (include/linux/kho/abi/memfd.h and kexec_handover.h, mm/memfd_luo.c; 6.19
// to 7.3).
import type { FileRef } from '../../model/scenario/place.js';
import { Instance } from '../memory/layouts.js';
import { preservedBit } from '../kho/map.js';
import { HandoverError, PAGE } from '../memory/memory.js';
import { fileOf } from './sessions.js';
import type { Walk } from '../source.js';
import { numberSpot, type Spot } from '../place/field-location.js';

const HANDLER = /^memfd-v\d/;
const MOST_ORDER = 20;

/** True for the entry of a file that the handler of memfds wrote. */
export function isMemfd(entry: Instance): boolean {
  return HANDLER.test(entry.text('compatible'));
}

/**
 * @param entry of the file, in its session
 * @param what the file, for messages
 */
export function memfdAt(walk: Walk, entry: Instance, what: string): Instance {
  if (!isMemfd(entry)) throw new HandoverError(`${what} is no memfd: its handler is '${entry.text('compatible')}'`);
  return new Instance(walk.memory, walk.layouts, 'memfd_luo_ser', entry.address('data', 8));
}

export function memfdOf(walk: Walk, file: FileRef): Instance {
  return memfdAt(walk, fileOf(walk, file), label(file));
}

export function memfdSpot(walk: Walk, file: FileRef, field: string): Spot {
  return memfdOf(walk, file).spot(field === 'folios.first' ? 'folios.first.phys' : field);
}

function label({ session, token }: FileRef): string {
  return `${session}/${token}`;
}

/** The folios of a memfd in order. Throws HandoverError where the list is not sound, or shorter than it says. */
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
    if (this.order > MOST_ORDER) throw new HandoverError(`${what}: an area of order ${this.order}`);
  }

  get length(): bigint {
    return this.count;
  }

  at(index: number): Instance {
    if (BigInt(index) >= this.count)
      throw new HandoverError(`${this.what}: there is no folio ${index}, as there are ${this.count}`);
    const byte = index * this.walk.layouts.size('memfd_luo_folio_ser');
    const piece = PAGE * 2 ** this.order;
    return new Instance(
      this.walk.memory,
      this.walk.layouts,
      'memfd_luo_folio_ser',
      this.piece(Math.floor(byte / piece)) + (byte % piece),
    );
  }

  /** Physical address of one piece of the area: 2^order pages. */
  private piece(number: number): number {
    const { offset, size } = this.walk.layouts.get('kho_vmalloc_chunk').fields.find(({ name }) => name === 'phys') ?? {
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
      `${this.what}: a piece of its list of folios`,
    );
  }

  /** The chunks up to the one asked for are as many as the list's length allows; a circle is an error all the same. */
  private chunk(number: number): number {
    while (this.chunks.length <= number) {
      const last = this.chunks.at(-1);
      const next =
        last === undefined
          ? this.memfd.address('folios.first.phys', PAGE)
          : new Instance(this.walk.memory, this.walk.layouts, 'kho_vmalloc_chunk', last).address('hdr.next.phys', PAGE);
      if (this.chunks.includes(next)) throw new HandoverError(`${this.what}: its list of folios does not end`);
      this.chunks.push(next);
    }
    return this.chunks[number] as number;
  }
}

function foliosOf(walk: Walk, file: FileRef): FolioList {
  return new FolioList(walk, memfdOf(walk, file), label(file));
}

export function folioSpot(
  walk: Walk,
  file: FileRef,
  index: number,
  field: 'pfn' | 'flags' | 'index' | 'preserved',
): Spot {
  const folio = foliosOf(walk, file).at(index);
  if (field !== 'preserved') return folio.spot(field);
  const bit = preservedBit(walk, Number(folio.number('pfn')));
  if (bit === null) throw new HandoverError(`${label(file)}: folio ${index} is not in the map of the preserved memory`);
  return bit.spot;
}

/** One byte of the content, through the list of folios and the order that the map has for them. */
export function contentSpot(walk: Walk, file: FileRef, page: number, byte: number): Spot {
  const list = foliosOf(walk, file);
  let found: { index: number; pfn: number } | null = null;
  // Folios stand in the order of the file, each holds at least a page: the one asked for is among the first page + 1.
  for (let i = 0; i <= page && BigInt(i) < list.length; i++) {
    const folio = list.at(i);
    const index = Number(folio.number('index'));
    if (index <= (found?.index ?? -1))
      throw new HandoverError(`${label(file)}: its folios are not in the order of the file`);
    if (index > page) break;
    found = { index, pfn: Number(folio.number('pfn')) };
  }
  const pages = found === null ? 0 : found.index === page ? 1 : 2 ** (orderOf(walk, found.pfn) ?? 0);
  if (found === null || found.pfn === 0 || page - found.index >= pages)
    throw new HandoverError(`${label(file)}: no folio holds page ${page}`);
  const phys = (found.pfn + page - found.index) * PAGE + byte;
  walk.memory.bytes(phys, 1, `page ${page} of ${label(file)}`);
  return numberSpot(phys, 1, phys - byte);
}

function orderOf(walk: Walk, pfn: number): number | null {
  return walk.source.orderOf ? walk.source.orderOf(pfn) : (preservedBit(walk, pfn)?.order ?? null);
}
