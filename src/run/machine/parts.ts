// SPDX-License-Identifier: Apache-2.0
// What a machine is made of. Tests put a scripted machine in place of QEMU, so that all the code above runs as it does
// for a real one.
import type { Session, SshTarget } from '../../guest/session.js';
import type { MachineConfig } from '../../qemu/args.js';
import { hostTimes, type HostTimes } from '../../qemu/host-time.js';
import { MachineMemory, type OpenMemory } from '../../qemu/memory.js';
import { QemuProcess } from '../../qemu/process.js';
import { Qmp } from '../../qemu/qmp.js';
import { FileTail, type TailOptions } from '../../util/process/tail.js';

export type Process = Pick<QemuProcess, keyof QemuProcess>;
export type Monitor = Pick<Qmp, keyof Qmp>;
export type Tail = Pick<FileTail, keyof FileTail>;

export interface MachineParts {
  start(config: MachineConfig): Process;
  openMonitor(...args: Parameters<typeof Qmp.open>): Promise<Monitor>;
  openMemory(pid: number, mtree: string): OpenMemory;
  follow(options: TailOptions): Tail;
  /** What the host's scheduler gave QEMU; null where the host does not tell. */
  hostTimes?(pid: number): HostTimes | null;
}

export const QEMU_PARTS: MachineParts = {
  start: (config) => QemuProcess.start(config),
  openMonitor: (path, hooks) => Qmp.open(path, hooks),
  openMemory: (pid, mtree) => MachineMemory.open(pid, mtree),
  follow: (options) => new FileTail(options),
  hostTimes,
};

/** What stands between the lab and a machine; tests put others in their place. */
export interface RunParts {
  machine: MachineParts;
  connect: (target: SshTarget) => Promise<Session>;
}
