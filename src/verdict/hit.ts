// SPDX-License-Identifier: Apache-2.0
// Did a run end as predicted, and for the predicted reason? The right outcome for a wrong reason is not a hit.
import type { Mismatch } from '../model/kernel/component.js';
import type { Incident } from '../model/result/incident.js';
import type { EndsIn, Outcome } from '../model/result/outcome.js';
import type { Prediction } from '../model/result/prediction.js';

export interface Shown {
  outcome: Outcome;
  endsIn: EndsIn;
  cause: Incident | null;
  incidents: readonly Incident[];
  mismatches: readonly Mismatch[];
}

export function isHit(predicted: Prediction, shown: Shown): boolean {
  return predicted.outcome === shown.outcome && predicted.endsIn === shown.endsIn && hasReason(predicted, shown);
}

/**
 * The run itself must show a mismatch of the predicted component, or its evidence must contain one of the signs, the
 * function or the version.
 */
function hasReason({ component, where, signs, mismatches }: Prediction, shown: Shown): boolean {
  if (component === null) return true;
  if (signs.length > 0) return signs.some((sign) => mentions(shown, sign));
  const seen = shown.mismatches.filter(({ source }) => source === 'run');
  if (seen.some((mismatch) => partOf(mismatch.component) === partOf(component))) return true;
  const own = mismatches.filter((mismatch) => mismatch.component === component);
  const versions = own.map(({ wrote }) => `${component}-v${wrote ?? ''}`);
  return [...versions, ...(where === null ? [] : [where])].some((word) => mentions(shown, word));
}

/** `labvfio` and `vfio-pci` are both the part of a device's handover that the record calls `vfio`. */
function partOf(component: string): string {
  return ['vfio', 'iommu', 'pci'].find((part) => component.includes(part)) ?? component;
}

function mentions({ cause, incidents }: Shown, text: string): boolean {
  const all = cause === null ? incidents : [cause, ...incidents];
  return all.some(({ title, detail }) => title.includes(text) || detail.includes(text));
}
