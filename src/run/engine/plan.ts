// SPDX-License-Identifier: Apache-2.0
// What a run has to do, with everything that it needs from the host.
import type { FilePlaces } from '../../model/kernel/file-places.js';
import type { HandoverFormat } from '../../images/abi/handover-format.js';
import type { KernelImage, RootFs, Userspace } from '../../model/kernel/image.js';
import type { ImageHead, ImagePages } from '../../model/result/memory-image.js';
import type { AddressRange } from '../../model/result/coverage.js';
import type { Rung } from '../../model/result/snapshot.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import type { Accel } from '../../qemu/args.js';
import type { Machine } from '../machine/machine.js';
import type { OnBreakpoint } from './breakpoint.js';

/** Keeps the memory of a run. */
export interface MemoryKeeper {
  /** Also keep what is handed over, at each jump; the machine is stopped there for it. */
  jumps: boolean;
  /**
   * Rejects if it cannot be written.
   * @returns whether all of it was written
   */
  keep(head: ImageHead, pages: Iterable<ImagePages>): Promise<boolean>;
}

/** What saving takes of a machine. */
export type Savable = Pick<Machine, 'command' | 'human' | 'memory' | 'pid' | 'ended'>;

/** Saves the machine at rungs. */
export interface RungSaver {
  /** The first kernel is up; its boot took `ms`. */
  booted(ms: number): void;
  wants(rung: Rung): boolean;
  /**
   * Saves the machine; it runs again afterwards if it ran before. Never rejects.
   * @returns why it was not saved; null if it was
   */
  save(rung: Rung, machine: Savable): Promise<string | null>;
}

/** The saved machine that a run starts from. */
export interface Resumed {
  rung: Rung;
  key: string;
  /** ISO 8601. */
  savedAt: string;
  /** Milliseconds that its first boot took. */
  bootMs: number;
}

export interface RunPlan {
  id: string;
  scenario: Scenario;
  /** One for each epoch. */
  kernels: KernelImage[];
  rootfs: RootFs;
  /** Another system as user space; missing for the lab's own. */
  userspace?: Userspace | undefined;
  accel: Accel;
  /** Frequency of the host's TSC, which an emulated machine uses too; null if unknown. */
  hostTscKhz: number | null;
  /** Private folder of the run, created and removed by the caller. */
  dir: string;
  /** How the kernel of each epoch lays out what it hands over; null if nothing needs it. */
  formats: (HandoverFormat | null)[];
  /** Why a format was not read, one for each epoch; null if it was read, or nothing needs it. */
  unread?: readonly (string | null)[] | undefined;
  /** Follow every page that is handed over, no matter who preserved it. It takes the format of each kernel. */
  follow: boolean;
  /** Where the kernel of each epoch keeps what it knows of open files; null if that is not known. Missing for none. */
  filePlaces?: readonly (FilePlaces | null)[] | undefined;
  /** Options of the IOMMU that this QEMU needs. */
  iommuOptions: Readonly<Record<string, string>>;
  /** Inspect devices and the IOMMU from outside; false only to measure the cost of that. */
  deviceLooks: boolean;
  /** Code of which the run is to see what ran; missing for none. */
  coverage?: readonly AddressRange[] | undefined;
  /** Null if no memory is kept. */
  memory: MemoryKeeper | null;
  /** Null if nothing is saved. */
  saver: RungSaver | null;
  /** Null if the machine boots. */
  resumed: Resumed | null;
  /** Called at each named point; the run continues when it resolves. */
  onBreakpoint?: OnBreakpoint | undefined;
  /** The user may pause the machine for any time: no deadline ends the run. */
  noDeadlines?: boolean | undefined;
  /** Paths of the signed images, one for each epoch. Null, or missing: the image is loaded as it was built. */
  signed?: readonly (string | null)[];
  /** Path of the kernel's own test program, one for each epoch; null if the scenario runs none. */
  selftests: (string | null)[];
}

/** The run's own copy of the plan, which can change: a recovery adds one more kernel. */
export type LivePlan = RunPlan;

/** The image that a kexec to this epoch loads. A recovery goes to the last kernel once more. */
export function imageOf({ kernels, signed = [] }: RunPlan, epoch: number): string | null {
  const kernel = kernels[epoch];
  return kernel === undefined ? null : ((epoch < signed.length ? signed[epoch] : signed.at(-1)) ?? kernel.bzImage);
}

/** Copies a plan, so that the run can change it. */
export function livePlan(plan: RunPlan): LivePlan {
  const { scenario, kernels, formats } = plan;
  return {
    ...plan,
    kernels: [...kernels],
    formats: [...formats],
    scenario: { ...scenario, cmdlines: [...scenario.cmdlines] },
  };
}

/** Plans one more update, to the same kernel again, that no preflight calls off. */
export function planOneMore({ kernels, formats, scenario }: LivePlan): void {
  kernels.push(...kernels.slice(-1));
  formats.push(null);
  scenario.cmdlines.push(...scenario.cmdlines.slice(-1));
  scenario.policy = 'force';
}
