// SPDX-License-Identifier: Apache-2.0
// What a running kernel says that it would write now, held against what the next image understands: the last look
// before the kexec.
import type { Component, ComponentVersions, Mismatch, Notation } from '../model/kernel/component.js';
import { switchOf } from './binary/cmdline.js';
import { type Broken, brokenRules, mismatchOf } from './compare.js';
import { versionsOf } from './component.js';
import { withCmdline } from './object.js';
import type { KernelFacts } from './predict/predict.js';
import { SWITCHES, type Use } from './predict/rules.js';
import { componentOf } from './versions.js';

export interface MeetsOptions {
  /** The next kernel's command line, or what is added to the lab's own. */
  cmdlineTo?: string;
  /** What is carried; components that concern nothing of it are left out. Without it all count. */
  uses?: readonly Use[];
  /** How the running kernel notes the version of the lab's object; by default as the next one does. */
  notation?: Notation;
}

/**
 * Every component that would be written and not be read, in the order in which the next kernel comes to it; empty where
 * the update may go on. `detail` begins with the function of the next kernel that decides, `endsIn` is what it comes
 * to. Differences that do no harm are left out.
 *
 * @param wouldWrite all that would be written if the kexec came now; a component may be there in several versions, and
 * all must be read
 * @returns null where the next image could not be read, so that nothing can be said
 */
export function meets(
  wouldWrite: readonly Component[],
  to: KernelFacts,
  { cmdlineTo = '', uses, notation }: MeetsOptions = {},
): Mismatch[] | null {
  if (!to.known) return null;
  const reader = withCmdline(to.versions, cmdlineTo);
  const harmful = ({ rule, effect }: Broken): boolean =>
    effect.endsIn !== 'none' &&
    (uses === undefined || rule.carries === 'any' || rule.carries.some((use) => uses.includes(use)));
  const found: Mismatch[] = toldNotTo(cmdlineTo, uses);
  for (const writer of everyVersion(
    wouldWrite,
    notation ?? componentOf(reader, 'object')?.manner?.notation ?? 'token',
  )) {
    for (const mismatch of brokenRules(writer, reader).filter(harmful).map(mismatchOf)) {
      if (!found.some(({ component, wrote }) => component === mismatch.component && wrote === mismatch.wrote))
        found.push(mismatch);
    }
  }
  return found;
}

/** As many writers as the component with most versions has, each of which writes one version of everything. */
function everyVersion(wouldWrite: readonly Component[], notation: Notation): ComponentVersions[][] {
  const names = [...new Set(wouldWrite.map(({ name }) => name))];
  const most = Math.max(1, ...names.map((name) => versionsOf(wouldWrite, name).length));
  return Array.from({ length: most }, (_, round) =>
    names.map((name) => {
      const all = versionsOf(wouldWrite, name);
      const version = all[round] ?? (all[0] as number);
      return {
        name,
        reads: [],
        writes: [version],
        write: version,
        manner: name === 'object' ? { notation, check: 'late' } : null,
      };
    }),
  );
}

/** The next image understands it, and the next kernel is told not to use it. */
function toldNotTo(cmdline: string, uses: readonly Use[] | undefined): Mismatch[] {
  return (['kho', 'liveupdate'] as const).flatMap((name): Mismatch[] => {
    const { needs, effect } = SWITCHES[name];
    if (switchOf(cmdline, name) !== false || !(uses?.some((use) => needs.includes(use)) ?? true)) return [];
    return [
      {
        component: name === 'kho' ? 'kho' : 'luo',
        wrote: null,
        reads: [],
        endsIn: effect.endsIn,
        source: 'images',
        detail: `${effect.where}: ${effect.what}`,
      },
    ];
  });
}

/**
 * Parts what the running kernel would write into what its image or the next one shows, and what neither does. Images do
 * not show such a component, and what the next kernel reads of it is not known: it is no reason to call an update off.
 */
export function shownByImages(
  seen: readonly Component[],
  from: readonly ComponentVersions[],
  to: readonly ComponentVersions[],
): { told: Component[]; hidden: Component[] } {
  const isShown = ({ name }: Component): boolean => componentOf(from, name) !== null || componentOf(to, name) !== null;
  return { told: seen.filter(isShown), hidden: seen.filter((each) => !isShown(each)) };
}
