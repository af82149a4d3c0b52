// SPDX-License-Identifier: Apache-2.0
// How much of its kernels a scenario needs. The small variant of a kernel serves only scenarios of which the lab knows
// every step; in doubt it takes the full kernel.
import type { Extent } from '../images/index.js';
import { isFileAction } from '../model/scenario/file-steps.js';
import { type Scenario, type Step, UPDATE_OPS } from '../model/scenario/scenario.js';

/**
 * Steps on sessions and the update itself; those that change files count too. Commands of the user, guests and devices
 * may need anything, and clients pass descriptors through sockets.
 */
const CORE_STEPS: ReadonlySet<Step['op']> = new Set<Step['op']>([...UPDATE_OPS, 'fault']);

export function extentOf({ steps, hardware, machine, cmdlines, sign }: Scenario): Extent {
  const plain =
    steps.every((step) => CORE_STEPS.has(step.op) || isFileAction(step)) &&
    hardware.iommu.kind === 'none' &&
    hardware.devices.length === 0 &&
    machine.qemuArgs.length === 0 &&
    machine.numa === undefined &&
    // The small variant has no ACPI, so its image is no PE file.
    sign === undefined &&
    // A parameter may be that of a driver.
    cmdlines.every((cmdline) => cmdline.trim() === '');
  return plain ? 'core' : 'full';
}
