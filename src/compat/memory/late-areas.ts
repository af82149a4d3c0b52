// SPDX-License-Identifier: Apache-2.0
// reserve_mem= on the command line of a kernel that was itself booted by kexec: it has only scratch to make the area
// in, and nothing in
// scratch can be handed over. The kernel then says so and hands over no area at all, not even those that it was given.
import type { Scenario } from '../../model/scenario/scenario.js';
import { valuesOf } from '../binary/cmdline.js';
import type { KernelFacts } from '../predict/predict.js';
import type { Ruling } from '../predict/ruling.js';

type Planned = Pick<Scenario, 'cmdlines' | 'reserveMem'> & Partial<Pick<Scenario, 'taint'>>;

/** Names of areas that the kernel of this epoch makes itself, after a kexec. */
export function lateAreas({ cmdlines, reserveMem }: Planned, epoch: number): string[] {
  if (epoch === 0) return [];
  const namesOn = (at: number): string[] =>
    valuesOf(cmdlines[at] ?? '', 'reserve_mem').flatMap((value) => value.split(':').slice(2, 3));
  const before = [...reserveMem.map(({ name }) => name), ...namesOn(epoch - 1)];
  return namesOn(epoch).filter((name) => !before.includes(name));
}

/**
 * What areas of either kernel make of an update: those of the old one cost it, and of those of the last one that kernel
 * complains.
 */
export function lateAreasRuling(
  scenario: Planned,
  kernels: readonly KernelFacts[],
  epoch: number,
): Ruling | 'unknown' | null {
  const isLast = epoch + 2 === kernels.length;
  const rulings = (isLast ? [epoch, epoch + 1] : [epoch]).map((at) => {
    const kernel = kernels[at];
    return kernel === undefined ? null : lateAreaRuling(scenario, kernel, at);
  });
  return rulings.find((ruling) => ruling !== null) ?? null;
}

/**
 * The update from `epoch` to the next one, or the end of the chain where there is no next one. Kernels that have more
 * than scratch to boot in
 * (7.3) allocate from the top of memory all the same, and that is where scratch lies.
 */
function lateAreaRuling(scenario: Planned, kernel: KernelFacts, epoch: number): Ruling | 'unknown' | null {
  const made = lateAreas(scenario, epoch);
  if (made.length === 0) return null;
  // Without the check of a debug build the area is handed over from scratch, and the next kernel may write over it.
  if (kernel.boot?.handoverDebug !== true) return 'unknown';
  const which = `${made.join(', ')} ${made.length === 1 ? 'lies' : 'lie'} in scratch`;
  const signs = ['failed to prepare memblock FDT', 'kho_preserve_pages'];
  const said = { endsIn: 'reboot', component: 'memblock', where: 'reserved_mem_preserve', signs } as const;
  const reason =
    `a kernel that was booted by kexec makes its reserve_mem areas in scratch: ${which} and cannot ` +
    'be handed over (reserved_mem_preserve)';
  const costsNothing = epoch + 1 >= scenario.cmdlines.length || scenario.reserveMem.length === 0;
  if (costsNothing && scenario.taint?.includes('warn') === true) return null;
  if (costsNothing) return { outcome: 'tainted', ...said, reason: `${reason}; the kernel warns of it` };
  const cost = 'then the whole memblock tree is missing, and every reserve_mem area with it';
  return { outcome: 'lost', ...said, reason: `${reason}; ${cost}` };
}
