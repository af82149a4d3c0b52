// SPDX-License-Identifier: Apache-2.0
// Says what the kernels of a run hand over and the lab does not know. The rest is judged as always: pages, sessions and
// files do not depend on it.
import { unknownToLab } from '../../compat/index.js';
import { UNKNOWN_TO_LAB } from '../../model/result/incident.js';
import type { Needs } from '../engine/parts.js';

/** The result lists so many things. */
const MAX = 20;

export function reportUnknown({ plan, recorder }: Needs<'plan' | 'recorder'>): void {
  const said = new Set<string>();
  for (const [epoch, { name, sha256, versions }] of plan.kernels.entries()) {
    if (said.has(sha256)) continue;
    said.add(sha256);
    const structures = plan.formats[epoch]?.structures ?? null;
    const unknown = unknownToLab({ components: versions.map((each) => each.name), structures });
    if (unknown.length === 0) continue;
    const more = unknown.length > MAX ? `; and ${unknown.length - MAX} more` : '';
    recorder.incident({
      source: 'lab',
      side: 'outside',
      implies: null,
      title: UNKNOWN_TO_LAB,
      detail: `${name}: ${unknown.slice(0, MAX).join('; ')}${more}`,
    });
  }
}
