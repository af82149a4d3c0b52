// SPDX-License-Identifier: Apache-2.0
// What a machine consists of. Tests replace QEMU by a scripted machine, so that all code above this runs unchanged.
import type { Port } from '../../guest/port.js';
import type { Session, SshTarget } from '../../guest/session.js';
import type { MachineConfig } from '../../qemu/args.js';
import { DebuggerStub } from '../../qemu/gdb.js';
import { hostTimes, type HostTimes } from '../../qemu/host-time.js';
import { type HostAddresses, MachineMemory, type OpenMemory } from '../../qemu/memory.js';
import { QemuProcess } from '../../qemu/process.js';
import { Qmp } from '../../qemu/qmp.js';
import { FileTail, type TailOptions } from '../../util/process/tail.js';

export type Process = Pick<QemuProcess, keyof QemuProcess>;
export type Monitor = Pick<Qmp, keyof Qmp>;
export type Tail = Pick<FileTail, keyof FileTail>;
export type Debugger = Pick<DebuggerStub, keyof DebuggerStub>;

export interface MachineParts {
  start(config: MachineConfig): Process | Promise<Process>;
  openMonitor(...args: Parameters<typeof Qmp.open>): Promise<Monitor>;
  /** `addresses`: where QEMU has mapped each backend of the RAM, if there are several. */
  openMemory(pid: number, mtree: string, addresses?: HostAddresses): OpenMemory;
  follow(options: TailOptions): Tail;
  /**
   * Connects to QEMU's debugger stub, which stops the machine.
   * @param path the stub's socket
   */
  attachDebugger(path: string): Promise<Debugger>;
  /** The time that the host's scheduler gave QEMU; null if the host does not tell. */
  hostTimes?(pid: number): HostTimes | null;
}

export const QEMU_PARTS: MachineParts = {
  start: (config) => QemuProcess.start(config),
  openMonitor: (path, hooks) => Qmp.open(path, hooks),
  openMemory: (pid, mtree, addresses) => MachineMemory.open(pid, mtree, addresses),
  follow: (options) => new FileTail(options),
  attachDebugger: (path) => DebuggerStub.attach(path),
  hostTimes,
};

/** The ways from the lab to a machine; tests replace all of them. */
export interface RunParts {
  machine: MachineParts;
  /** A port of the machine, by QEMU's socket for it. */
  openPort: (path: string) => Port;
  connect: (target: SshTarget) => Promise<Session>;
}
