// SPDX-License-Identifier: Apache-2.0
// What a run shows of devices and their IOMMU that the next kernel did not take over as the old one had it. Whoever
// hands a device to a guest cannot go on from there but by a reboot, whatever else came back.
import type { HardwareComponent, Mismatch } from '../../model/kernel/component.js';

/** Characters of one entry; a machine with many devices says the rest in `devices` and `iommu` of the result. */
const MAX_DETAIL = 2000;

/**
 * Notes it once a component: what is added later goes into the same entry. `wrote` and `reads` are empty, as none of
 * the three has a version on stock kernels.
 */
export function noteHardware(into: Mismatch[], component: HardwareComponent, detail: string): void {
  const known = into.find((each) => each.component === component);
  if (known === undefined)
    into.push({
      component,
      wrote: null,
      reads: [],
      endsIn: 'reboot',
      source: 'run',
      detail: detail.slice(0, MAX_DETAIL),
    });
  else if (!known.detail.includes(detail) && known.detail.length + detail.length + 2 <= MAX_DETAIL)
    known.detail += `; ${detail}`;
}
