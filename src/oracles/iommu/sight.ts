// SPDX-License-Identifier: Apache-2.0
// Can QEMU's trace of an IOMMU be believed? Its registers, read by the lab, say by themselves whether translation is
// on.
import { isSwitch } from './timeline.js';
import type { IommuEventKind } from './trace-events.js';

/** Milliseconds by which the clock of the trace and that of the lab may differ. */
const TOLERANCE = 250;

/** `t` in milliseconds of the run. */
export interface Sight {
  events: readonly { t: number; kind: IommuEventKind }[];
  /** What the registers said, somewhen between `from` and `t`; null: they did not answer. */
  registers: readonly { from: number; t: number; translating: boolean | null }[];
}

/** Null where trace and registers say the same whenever both were there to be asked. */
export function contradictionOf({ events, registers }: Sight): string | null {
  const switches = events.filter(({ kind }) => isSwitch(kind));
  for (const { from, t, translating } of registers) {
    if (translating === null || switches.some((each) => each.t > from - TOLERANCE && each.t < t + TOLERANCE)) continue;
    const traced = switches.findLast((each) => each.t <= from)?.kind === 'enable';
    if (traced === translating) continue;
    const said = translating ? 'translation is on' : 'translation is off';
    return `at ${(t / 1000).toFixed(1)} s the IOMMU's registers say that ${said}, and QEMU's trace ${tracedText(traced, switches.length)}`;
  }
  return null;
}

function tracedText(traced: boolean, switches: number): string {
  if (switches === 0) return 'tells of no switch at all';
  return traced ? 'says that it is on' : 'says that it is off';
}
