// SPDX-License-Identifier: Apache-2.0
// Collects mappings page by page, in ascending order, and joins adjacent ones.
import { PAGE } from '../../../handover/memory/memory.js';
import type { MappingRun, Rights } from './types.js';

export const READ = 1;
export const WRITE = 2;
export const EXECUTE = 4;
export const ALL_RIGHTS = READ | WRITE | EXECUTE;
const RIGHTS: readonly (Rights | null)[] = [null, 'r', 'w', 'rw', 'x', 'rx', 'wx', 'rwx'];

/** It works with page numbers instead of addresses: those of a 64-bit space fit into a number. */
export class RunList {
  readonly runs: MappingRun[] = [];
  private page = -1;
  private frame = -1;
  private pages = 0;
  private rights = 0;

  constructor(private readonly max: number) {}

  /**
   * Adds pages; returns false if there are too many runs.
   * @param rights one or more of READ, WRITE, EXECUTE
   */
  add(page: number, frame: number, pages: number, rights: number): boolean {
    if (page === this.page + this.pages && frame === this.frame + this.pages && rights === this.rights) {
      this.pages += pages;
      return true;
    }
    this.flush();
    if (this.runs.length >= this.max) return false;
    this.page = page;
    this.frame = frame;
    this.pages = pages;
    this.rights = rights;
    return true;
  }

  /** Returns the list. Nothing may be added afterwards. */
  done(): MappingRun[] {
    this.flush();
    return this.runs;
  }

  private flush(): void {
    const rights = RIGHTS[this.rights];
    if (this.pages > 0 && rights !== null && rights !== undefined) {
      this.runs.push({
        iova: BigInt(this.page) * BigInt(PAGE),
        phys: this.frame * PAGE,
        length: this.pages * PAGE,
        rights,
      });
    }
    this.pages = 0;
  }
}
