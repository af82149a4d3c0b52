// SPDX-License-Identifier: Apache-2.0
// What a walk starts from.
import type { Structure } from '../model/kernel/abi.js';
import { Layouts } from './memory/layouts.js';
import { Memory, type ReadPhys } from './memory/memory.js';

export interface HandoverSource {
  read: ReadPhys;
  /** Of the kernel that wrote the structures. */
  structures: readonly Structure[];
  /** Physical address of the root tree. */
  root: number;
  /**
   * Where LUO's own page is gone, as in the next kernel: what stood in it. Physical addresses; null where it can be
   * read.
   */
  luo?: { sessions: bigint; flbs: bigint } | null;
  /**
   * Pages (2^order) of the preserved area that begins with a page frame, where that is known from elsewhere than the
   * map.
   */
  orderOf?: ((pfn: number) => number | null) | null;
}

export class Walk {
  readonly memory: Memory;
  readonly layouts: Layouts;

  constructor(readonly source: HandoverSource) {
    this.memory = new Memory(source.read);
    this.layouts = new Layouts(source.structures);
  }
}
