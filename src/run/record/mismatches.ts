// SPDX-License-Identifier: Apache-2.0
// Merges the mismatches that the images show with those that the running kernels reported. Each mismatch is in the list
// once.
import { hardwarePart } from '../../compat/index.js';
import type { Mismatch } from '../../model/kernel/component.js';
import type { RunRecord } from './record.js';

/**
 * @param fromImages mismatches between the images; one that the run saw of the same component replaces it
 * @param readsOf the versions of a component that the next kernel's image reads, where the kernel did not report them
 */
export function mismatchesSeen(
  fromImages: readonly Mismatch[],
  { findings, verdict, objected, hardware }: Pick<RunRecord, 'findings' | 'verdict' | 'objected' | 'hardware'>,
  readsOf: (component: string) => number[],
): Mismatch[] {
  const all = new Map(fromImages.map((mismatch) => [mismatch.component, mismatch]));
  for (const mismatch of objected) all.set(mismatch.component, { ...mismatch, source: 'run' });
  for (const mismatch of hardware) {
    const known = all.get(mismatch.component);
    all.set(mismatch.component, {
      ...mismatch,
      wrote: known?.wrote ?? mismatch.wrote,
      reads: known?.reads ?? mismatch.reads,
    });
  }
  for (const { component, title } of findings) {
    if (component === null) continue;
    const part = hardwarePart(component.component);
    const name = part ?? component.component;
    const known = all.get(name);
    all.set(name, {
      component: name,
      wrote: component.wrote ?? known?.wrote ?? null,
      reads: component.reads.length > 0 ? component.reads : (known?.reads ?? readsOf(component.component)),
      endsIn:
        part !== null
          ? verdict.endsIn === 'panic'
            ? 'panic'
            : 'reboot'
          : verdict.endsIn === 'none'
            ? (known?.endsIn ?? 'none')
            : verdict.endsIn,
      source: 'run',
      // Keep what was seen of a device from outside, beside what the kernel reports.
      detail: part !== null && known?.source === 'run' ? `${title}; ${known.detail}` : title,
    });
  }
  return [...all.values()];
}
