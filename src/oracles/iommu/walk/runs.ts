// SPDX-License-Identifier: Apache-2.0
// Mappings, page by page in ascending order, merged where they go on.
import { PAGE } from '../../../handover/memory/memory.js';
import type { MappingRun, Rights } from './types.js';

export const READ = 1;
export const WRITE = 2;
export const EXECUTE = 4;
export const ALL_RIGHTS = READ | WRITE | EXECUTE;
const RIGHTS: readonly (Rights | null)[] = [null, 'r', 'w', 'rw', 'x', 'rx', 'wx', 'rwx'];

/** Page numbers instead of addresses: those of 64 bits fit a number. */
export class RunList {
  readonly runs: MappingRun[] = [];
  private page = -1;
  private frame = -1;
  private pages = 0;
  private rights = 0;

  constructor(private readonly most: number) {}

  /** False where there are too many. @param rights one or more of READ, WRITE, EXECUTE */
  add(page: number, frame: number, pages: number, rights: number): boolean {
    if (page === this.page + this.pages && frame === this.frame + this.pages && rights === this.rights) {
      this.pages += pages;
      return true;
    }
    this.flush();
    if (this.runs.length >= this.most) return false;
    this.page = page;
    this.frame = frame;
    this.pages = pages;
    this.rights = rights;
    return true;
  }

  /** The list; nothing is added afterwards. */
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
