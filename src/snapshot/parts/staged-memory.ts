// SPDX-License-Identifier: Apache-2.0
// Memory of a resumed machine, as the run sees it: until it has left a rung, what the machine held at that rung.
import type { MemoryView, OpenMemory, RamRange } from '../../qemu/memory.js';
import type { Way } from './way.js';
import { Written } from './written.js';

export class StagedMemory implements OpenMemory {
  private readonly written = new Written();

  constructor(
    private readonly machine: OpenMemory,
    private readonly way: Pick<Way, 'stage' | 'isReleased' | 'mayChange'>,
  ) {}

  get ranges(): readonly RamRange[] {
    return this.machine.ranges;
  }

  get path(): string {
    return this.machine.path;
  }

  get end(): number {
    return this.machine.end;
  }

  get size(): number {
    return this.machine.size;
  }

  read(phys: number, into: Uint8Array): boolean {
    const { seen } = this;
    if (seen === null) return this.machine.read(phys, into);
    if (!seen.read(phys, into)) return false;
    this.written.over(phys, into);
    return true;
  }

  readU64(phys: number): bigint | null {
    const word = Buffer.alloc(8);
    return this.read(phys, word) ? word.readBigUInt64LE() : null;
  }

  /**
   * What the run wrote before its first rung is in the saved memory already. Later it writes where nothing has read or
   * written yet, so the machine has the same there as the rung that the run sees.
   */
  write(phys: number, from: Uint8Array): boolean {
    if (!this.way.mayChange) return true;
    if (this.seen !== null) this.written.add(phys, from);
    return this.machine.write(phys, from);
  }

  outlive(): void {
    this.machine.outlive();
  }

  close(): void {
    this.machine.close();
  }

  /** Null if it is the machine's own memory. */
  private get seen(): MemoryView | null {
    return this.way.isReleased ? null : (this.way.stage.seen?.memory ?? null);
  }
}
