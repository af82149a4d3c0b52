// SPDX-License-Identifier: Apache-2.0
// Memory of a resumed machine, as the run sees it: until it has left a rung, what the machine held at that rung.
import type { MemoryView, OpenMemory, RamRange } from '../../qemu/memory.js';
import type { Way } from './way.js';

export class StagedMemory implements OpenMemory {
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
    return this.seen.read(phys, into);
  }

  readU64(phys: number): bigint | null {
    return this.seen.readU64(phys);
  }

  /** What the run wrote before its first rung is in the saved memory already. */
  write(phys: number, from: Uint8Array): boolean {
    return this.way.mayChange ? this.machine.write(phys, from) : true;
  }

  close(): void {
    this.machine.close();
  }

  private get seen(): MemoryView {
    return this.way.isReleased ? this.machine : (this.way.stage.seen?.memory ?? this.machine);
  }
}
