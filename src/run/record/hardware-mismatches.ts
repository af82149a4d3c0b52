// SPDX-License-Identifier: Apache-2.0
// Notes what the next kernel did not take over of devices and their IOMMU. A failed device handover can only be
// recovered by a reboot, whatever else came back.
import type { HardwareComponent, Mismatch } from '../../model/kernel/component.js';

/** Maximum length of one entry, in characters. The rest is in `devices` and `iommu` of the result. */
const MAX_DETAIL = 2000;

/**
 * Keeps one entry for each component; later details are added to it. `wrote` and `reads` are empty, as none of the
 * three components has a version on stock kernels.
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
