// SPDX-License-Identifier: Apache-2.0
// The starting point for reading a handover: memory, layouts and the address of the root tree.
import type { Structure } from '../../model/kernel/abi.js';
import { Layouts } from './layouts.js';
import { Memory, type ReadPhys } from './memory.js';

export interface HandoverSource {
  read: ReadPhys;
  /** Layouts of the kernel that wrote the structures. */
  structures: readonly Structure[];
  /** Physical address of the root tree. */
  root: number;
  /** The physical addresses from LUO's own page, if that page is gone (as in the next kernel); null if it is there. */
  luo?: { sessions: bigint; flbs: bigint } | null;
  /** Order of the preserved area that starts at a page frame, if another source than the map knows it. */
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
