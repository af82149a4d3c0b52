// SPDX-License-Identifier: Apache-2.0
// Joins what the images say of a pair with what the running kernels complained of, so that one list holds every
// mismatch once.
import { hardwarePart } from '../../compat/index.js';
import type { Mismatch } from '../../model/kernel/component.js';
import type { RunRecord } from './record.js';

/**
 * @param fromImages what the components of the images say; what the run saw of the same component replaces it
 * @param readsOf versions of a component that the next kernel's image reads, for what the kernel itself did not tell
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
      // What was seen of a device from outside stays beside what the kernel says.
      detail: part !== null && known?.source === 'run' ? `${title}; ${known.detail}` : title,
    });
  }
  return [...all.values()];
}
