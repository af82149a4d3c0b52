// SPDX-License-Identifier: Apache-2.0
// A named place in the handover, and a change of the value there.
import type { Token } from './token.js';

/** A preserved file, by session and token. */
export interface FileRef {
  session: string;
  /** As written in the scenario: the token, or the file's name. */
  file: string;
  token: Token;
}

/**
 * Fields have the names of the kernel's structures (include/linux/kho/abi/, 6.19 to 7.3), or plain words.
 * docs/scenario.md lists them.
 */
export type Place =
  /** The root tree. `root` is the first word of its header. */
  | { of: 'kho'; field: 'root' | 'version' | 'map' }
  /** The map of preserved memory: its first used entry, and the first used word of its first bitmap. */
  | { of: 'map'; field: 'root' | 'leaf' }
  /** A subtree of the root by name. `whole` is all of it. */
  | { of: 'node'; name: string; field: 'whole' | 'size' | 'data' }
  | { of: 'luo'; field: 'version' | 'number' | 'size' | 'sessions_pa' | 'flbs_pa' }
  /** The header of the sessions' first block, or of their array. */
  | { of: 'sessions'; field: 'version' | 'count' | 'next' }
  | { of: 'flbs'; field: 'version' | 'count' | 'pages' }
  | { of: 'session'; session: string; field: 'name' | 'count' | 'files' }
  /** The header of the first block of a session's files. */
  | { of: 'files'; session: string; field: 'count' | 'next' }
  | { of: 'file'; file: FileRef; field: 'compatible' | 'data' | 'token' }
  | {
      of: 'memfd';
      file: FileRef;
      field:
        | 'pos'
        | 'size'
        | 'seals'
        | 'flags'
        | 'nr_folios'
        | 'folios.first'
        | 'folios.next'
        | 'folios.total_pages'
        | 'folios.flags'
        | 'folios.order';
    }
  /** The address of a block of the list of folios, by its number in the first chunk. */
  | { of: 'block'; file: FileRef; block: number }
  /** A folio by its number in the list, from 0. `preserved` is its bit in the map of preserved memory. */
  | { of: 'folio'; file: FileRef; folio: number; field: 'pfn' | 'flags' | 'index' | 'preserved' }
  /** A byte of a page of a file's content. Both count from 0. */
  | { of: 'content'; file: FileRef; page: number; byte: number }
  | { of: 'kexec-metadata'; field: 'version' | 'previous_release' | 'kexec_count' }
  | { of: 'memblock'; field: 'version' }
  | { of: 'reserve-mem'; name: string; field: 'whole' | 'version' | 'start' | 'size' };

/** All places that a change reads or writes. */
export function placesOf({ place, change }: { place: Place; change: Change }): Place[] {
  return change.how === 'copy' || change.how === 'address' ? [place, change.place] : [place];
}

/** Numbers are text for BigInt(), so that 64 bits survive YAML and JSON. */
export type Change =
  | { how: 'number'; value: string }
  /** The rest of the field is filled with NUL. */
  | { how: 'text'; text: string }
  /** Wraps around at the width of the field. */
  | { how: 'add'; value: string }
  | { how: 'flip'; mask: string }
  /** The physical address of the structure with this field. It makes a chain cyclic. */
  | { how: 'self' }
  /** The value of another place. `text`: as written in the scenario. */
  | { how: 'copy'; text: string; place: Place }
  /** The physical address of the structure that holds another place. */
  | { how: 'address'; text: string; place: Place }
  /** Removes a property or a node of a device tree. The rest of the tree does not move. */
  | { how: 'remove' };
