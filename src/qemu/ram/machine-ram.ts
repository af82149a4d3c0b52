// SPDX-License-Identifier: Apache-2.0
// The RAM of a running machine, seen from outside. It may grow.
import type { OpenMemory } from '../memory.js';
import type { Qmp } from '../qmp.js';
import { hostAddresses } from './backends.js';
import { MemoryModules, type Taken } from './modules.js';
import type { HostAddresses } from './ranges.js';

/** The machine's memory map takes QEMU and the lab some milliseconds, so it is asked for once. */
export const MTREE = 'info mtree -f';

type Monitor = Pick<Qmp, 'human' | 'run'>;

export class MachineRam {
  current!: OpenMemory;
  /** All that was opened. */
  private readonly opened: OpenMemory[] = [];
  private readonly modules = new MemoryModules();

  constructor(private readonly openMemory: (pid: number, mtree: string, addresses: HostAddresses) => OpenMemory) {}

  /**
   * A machine that grew is opened once more. What was opened before stays so: somebody may be reading it.
   * @param mtree what QEMU answers to `MTREE`
   */
  async open(qmp: Monitor, pid: number, mtree: string): Promise<void> {
    this.current = this.openMemory(pid, mtree, await hostAddresses(qmp, mtree));
    this.opened.push(this.current);
  }

  /** Adds a memory module. `taken` settles when the machine's kernel has answered, which it may never do. */
  async add(qmp: Monitor, pid: number, bytes: number): Promise<{ taken: Promise<Taken> }> {
    const plugged = await this.modules.plug(qmp, bytes);
    await this.open(qmp, pid, await qmp.human(MTREE));
    return plugged;
  }

  /** Takes an event of QEMU. */
  take(event: string, data: unknown): void {
    this.modules.take(event, data);
  }

  close(): void {
    for (const memory of this.opened) memory.close();
  }
}
