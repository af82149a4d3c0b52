// SPDX-License-Identifier: Apache-2.0
// Joins what the images say of a pair with what the running kernels complained of, so that one list holds every mismatch once.
import type { Mismatch } from '../model/component.js';
import type { RunRecord } from './execute.js';

/**
 * @param fromImages what the components of the images say; what the run saw of the same component replaces it
 * @param readsOf versions of a component that the next kernel's image reads, for what the kernel itself did not tell
 */
export function mismatchesSeen(fromImages: readonly Mismatch[], { findings, verdict, objected, hardware }: Pick<RunRecord, 'findings' | 'verdict' | 'objected' | 'hardware'>, readsOf: (component: string) => number[]): Mismatch[] {
  const all = new Map(fromImages.map((mismatch) => [mismatch.component, mismatch]));
  for (const mismatch of [...objected, ...hardware]) all.set(mismatch.component, { ...mismatch, source: 'run' });
  for (const { component, title } of findings) {
    if (component === null) continue;
    const known = all.get(component.component);
    all.set(component.component, {
      component: component.component,
      wrote: component.wrote ?? known?.wrote ?? null,
      reads: component.reads.length > 0 ? component.reads : (known?.reads ?? readsOf(component.component)),
      endsIn: verdict.endsIn === 'none' ? (known?.endsIn ?? 'none') : verdict.endsIn,
      source: 'run', detail: title,
    });
  }
  return [...all.values()];
}
