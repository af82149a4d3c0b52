// SPDX-License-Identifier: Apache-2.0
// Numbers at which something changes in a kernel's structures: a block or a page is full, a list needs another one.
// They come from the sizes of its types. A count is worth trying right at such a number, one below and one above.
import type { Structure } from '../../model/kernel/abi.js';
import type { SeriesRules } from './series.js';

const PAGE = 4096;

export interface CallLimits {
  /** Sessions that fill a block, or all there may be. */
  sessions: number;
  /** The same for files of a session. */
  files: number;
  /** Folios whose descriptions fill a page. */
  folios: number;
  /** Pages of descriptions that fill a page of their addresses. */
  descriptions: number;
  /** Bytes of a session's name, without its terminator. */
  name: number;
  /** Whether there can be more than `sessions` and `files`. */
  grows: boolean;
}

/** Throws a RangeError if the kernel's types lack a structure. */
export function limitsOf({ room }: Pick<SeriesRules, 'room'>, structures: readonly Structure[]): CallLimits {
  const size = (name: string): number => {
    const found = structures.find((each) => each.name === name);
    if (found === undefined || found.size === 0) throw new RangeError(`the kernel has no structure ${name}`);
    return found.size;
  };
  const header = size(room === 'chain' ? 'kho_block_header_ser' : 'luo_session_header_ser');
  const sessionBytes = room === 'chain' ? PAGE : room.sessionPages * PAGE;
  const fileBytes = room === 'chain' ? PAGE - header : room.filePages * PAGE;
  const chunk = structures.find(({ name }) => name === 'kho_vmalloc_chunk');
  const pointers = chunk?.fields.find(({ name }) => name.startsWith('phys'));
  const nameField = structures
    .find(({ name }) => name === 'luo_session_ser')
    ?.fields.find(({ name }) => name === 'name');
  return {
    sessions: Math.floor((sessionBytes - header) / size('luo_session_ser')),
    files: Math.floor(fileBytes / size('luo_file_ser')),
    folios: Math.floor(PAGE / size('memfd_luo_folio_ser')),
    descriptions: pointers === undefined ? PAGE / 8 - 1 : Math.floor((PAGE - pointers.offset) / 8),
    name: (nameField?.size ?? 64) - 1,
    grows: room === 'chain',
  };
}

/** Numbers around the first multiples of a limit, with the limit itself most often. */
export function around(limit: number): number[] {
  return [limit, limit, limit - 1, limit + 1, 2 * limit, 2 * limit + 1].filter((count) => count > 0);
}
