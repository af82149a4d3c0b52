// SPDX-License-Identifier: Apache-2.0
// What a run is to do, with everything that it needs from the host.
import type { HandoverFormat } from '../../images/abi/handover-format.js';
import type { KernelImage, RootFs } from '../../model/kernel/image.js';
import type { ImageHead, ImagePages } from '../../model/result/memory-image.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import type { Accel } from '../../qemu/args.js';
import type { OnBreakpoint } from './breakpoint.js';

/** Keeps the memory of a run. */
export interface MemoryKeeper {
  /** What is handed over is kept at each jump; the machine is stopped there for it. */
  jumps: boolean;
  /** Rejects where it cannot be written. @returns whether all of it was */
  keep(head: ImageHead, pages: Iterable<ImagePages>): Promise<boolean>;
}

export interface RunPlan {
  id: string;
  scenario: Scenario;
  /** One an epoch. */
  kernels: KernelImage[];
  rootfs: RootFs;
  accel: Accel;
  /** How fast the host's TSC runs, which is an emulated machine's too; null where it is not known. */
  hostTscKhz: number | null;
  /** Private folder of the run, made and removed by the caller. */
  dir: string;
  /** How each epoch's kernel lays out what it hands over; null where nobody asks for it. */
  formats: (HandoverFormat | null)[];
  /** Why a format was not read, one an epoch; null where it was, or nobody tried. */
  unread?: readonly (string | null)[] | undefined;
  /** Devices and the IOMMU are looked at from outside; false only where the cost of that is measured. */
  deviceLooks: boolean;
  /** Null where no memory is to be kept. */
  memory: MemoryKeeper | null;
  /** Called at each named point of the run, which goes on when it resolves. */
  onBreakpoint?: OnBreakpoint | undefined;
  /** Somebody may have the machine stand still for any time: no deadline ends the run. */
  noDeadlines?: boolean | undefined;
  /** Program of the kernel's own test on this host, one an epoch; null where the scenario runs none. */
  selftests: (string | null)[];
}

/** The plan as its run goes on: a recovery adds one more kernel. */
export interface LivePlan extends RunPlan {
  /** The run's public key, as the kernel command line carries it. */
  publicBlob: string;
}

/** A copy that its run may change. */
export function livePlan(plan: RunPlan, publicBlob: string): LivePlan {
  const { scenario, kernels, formats } = plan;
  return {
    ...plan,
    kernels: [...kernels],
    formats: [...formats],
    scenario: { ...scenario, cmdlines: [...scenario.cmdlines] },
    publicBlob,
  };
}

/** One more update, which nobody calls off: the kernel that runs now takes over from itself. */
export function planOneMore({ kernels, formats, scenario }: LivePlan): void {
  kernels.push(...kernels.slice(-1));
  formats.push(null);
  scenario.cmdlines.push(...scenario.cmdlines.slice(-1));
  scenario.policy = 'force';
}
