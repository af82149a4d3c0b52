// SPDX-License-Identifier: Apache-2.0
// Can QEMU's trace of an IOMMU be trusted? The lab also reads the IOMMU's registers, which tell whether translation is
// on.
import { isSwitch } from './timeline.js';
import type { IommuEventKind } from './trace-events.js';

/** Milliseconds by which the clocks of the trace and of the lab may differ. */
const TOLERANCE = 250;

/** Times are milliseconds of the run. */
export interface Sight {
  events: readonly { t: number; kind: IommuEventKind }[];
  /** What the registers said at some time between `from` and `t`; null if they could not be read. */
  registers: readonly { from: number; t: number; translating: boolean | null }[];
}

/** Returns null if trace and registers agree at every time when both are known. */
export function contradictionOf({ events, registers }: Sight): string | null {
  const switches = events.filter(({ kind }) => isSwitch(kind));
  for (const { from, t, translating } of registers) {
    if (translating === null || switches.some((each) => each.t > from - TOLERANCE && each.t < t + TOLERANCE)) continue;
    const traced = switches.findLast((each) => each.t <= from)?.kind === 'enable';
    if (traced === translating) continue;
    const said = translating ? 'translation is on' : 'translation is off';
    const trace = tracedText({ traced, switches: switches.length });
    return `at ${(t / 1000).toFixed(1)} s the IOMMU's registers say that ${said}, and QEMU's trace ${trace}`;
  }
  return null;
}

function tracedText({ traced, switches }: { traced: boolean; switches: number }): string {
  if (switches === 0) return 'has no switch at all';
  return traced ? 'says that it is on' : 'says that it is off';
}
