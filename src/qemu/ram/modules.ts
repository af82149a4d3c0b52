// SPDX-License-Identifier: Apache-2.0
// Memory modules that are added while the machine runs. Its kernel says over ACPI (_OST) that it has taken one over, or
// that it will not.
import { deferred, type Deferred } from '../../util/deadline.js';
import { moduleRamId } from '../args.js';
import type { Qmp } from '../qmp.js';

/** What the machine's kernel did with a module. */
export type Taken = 'taken' | 'refused';

/** Status of _OST for success (ACPI 6.5, 6.3.5). */
const SUCCESS = 0;

const deviceId = (module: number): string => `dimm${module}`;

export class MemoryModules {
  private readonly answers: Deferred<Taken>[] = [];

  /** Plugs the next module. `taken` settles when the machine's kernel has answered, which it may never do. */
  async plug(qmp: Pick<Qmp, 'run'>, bytes: number): Promise<{ taken: Promise<Taken> }> {
    const module = this.answers.length;
    const answer = deferred<Taken>();
    this.answers.push(answer);
    const memdev = moduleRamId(module);
    await qmp.run('object-add', { 'qom-type': 'memory-backend-memfd', id: memdev, size: bytes, share: true });
    await qmp.run('device_add', { driver: 'pc-dimm', id: deviceId(module), memdev });
    return { taken: answer.promise };
  }

  /** Takes an event of QEMU. */
  take(event: string, data: unknown): void {
    if (event !== 'ACPI_DEVICE_OST') return;
    const info = (data as { info?: { device?: string; status?: number } } | null)?.info;
    const at = this.answers.findIndex((_, module) => deviceId(module) === info?.device);
    this.answers[at]?.resolve(info?.status === SUCCESS ? 'taken' : 'refused');
  }
}
