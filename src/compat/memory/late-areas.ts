// SPDX-License-Identifier: Apache-2.0
// reserve_mem= on the command line of a kernel after a kexec. Such a kernel has only scratch for the area, and nothing
// in scratch can be handed over. So it complains and hands over no area at all, not even those that it got itself.
import type { Scenario } from '../../model/scenario/scenario.js';
import { valuesOf } from '../binary/cmdline.js';
import type { KernelFacts } from '../versions/kernel-facts.js';
import type { Ruling } from '../rules/ruling.js';

type Planned = Pick<Scenario, 'cmdlines' | 'reserveMem'> & Partial<Pick<Scenario, 'taint'>>;

/** Names of the areas that the kernel of this epoch creates itself, after a kexec. */
export function lateAreas({ cmdlines, reserveMem }: Planned, epoch: number): string[] {
  if (epoch === 0) return [];
  const namesOn = (at: number): string[] =>
    valuesOf(cmdlines[at] ?? '', 'reserve_mem').flatMap((value) => value.split(':').slice(2, 3));
  const before = [...reserveMem.map(({ name }) => name), ...namesOn(epoch - 1)];
  return namesOn(epoch).filter((name) => !before.includes(name));
}

/**
 * The effect of such areas on an update: those of the old kernel spoil it, and the last kernel complains about its own.
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
 * The update from `epoch` to the next one, or the end of the chain if there is no next one. Even kernels that can boot
 * outside of scratch (7.3) allocate from the top of memory, where scratch is.
 */
function lateAreaRuling(scenario: Planned, kernel: KernelFacts, epoch: number): Ruling | 'unknown' | null {
  const made = lateAreas(scenario, epoch);
  if (made.length === 0) return null;
  // Without a debug build's check, the area is handed over from scratch, and the next kernel may overwrite it.
  if (kernel.boot?.handoverDebug !== true) return 'unknown';
  const areas = `${made.join(', ')} ${made.length === 1 ? 'lies' : 'lie'} in scratch`;
  const signs = ['failed to prepare memblock FDT', 'kho_preserve_pages'];
  const common = { endsIn: 'reboot', component: 'memblock', where: 'reserved_mem_preserve', signs } as const;
  const reason =
    `a kernel after a kexec creates its reserve_mem areas in scratch: ${areas} and cannot ` +
    'be handed over (reserved_mem_preserve)';
  const costsNothing = epoch + 1 >= scenario.cmdlines.length || scenario.reserveMem.length === 0;
  if (costsNothing && scenario.taint?.includes('warn') === true) return null;
  if (costsNothing) return { outcome: 'tainted', ...common, reason: `${reason}; the kernel warns about it` };
  const cost = 'then the whole memblock tree is missing, and every reserve_mem area with it';
  return { outcome: 'lost', ...common, reason: `${reason}; ${cost}` };
}
