// SPDX-License-Identifier: Apache-2.0
// Compares the versions that a running kernel would write now with those that the next image reads: the last check
// before the kexec.
import type { Component, ComponentVersions, Mismatch, Notation } from '../model/kernel/component.js';
import { switchOf } from './binary/cmdline.js';
import { type Broken, brokenRules, mismatchOf } from './rules/compare.js';
import { versionsOf } from './binary/component.js';
import { withCmdline } from './rules/object.js';
import type { KernelFacts } from './versions/kernel-facts.js';
import { SWITCHES, type Use } from './rules/rules.js';
import { componentOf } from './versions/versions.js';

export interface MismatchOptions {
  /** Additions to the lab's own command line for the next kernel. */
  cmdlineTo?: string;
  /** What is carried. Components that do not matter for it are left out; without it, all matter. */
  uses?: readonly Use[];
  /** The running kernel's notation for the version of the lab's object; by default the next kernel's. */
  notation?: Notation;
}

/**
 * Finds the components that the old kernel would write and the next one cannot read, in the order in which it would
 * read them. Empty if the update may go ahead. `detail` starts with the deciding function of the next kernel. Harmless
 * differences are left out.
 * @param wouldWrite everything that a kexec would write now; the next kernel must read all versions of a component
 * @returns null if the next image could not be read
 */
export function findMismatches(
  wouldWrite: readonly Component[],
  to: KernelFacts,
  { cmdlineTo = '', uses, notation }: MismatchOptions = {},
): Mismatch[] | null {
  if (!to.known) return null;
  const reader = withCmdline(to.versions, cmdlineTo);
  const harmful = ({ rule, effect }: Broken): boolean =>
    effect.endsIn !== 'none' &&
    (uses === undefined || rule.carries === 'any' || rule.carries.some((use) => uses.includes(use)));
  const mismatches: Mismatch[] = switchedOff(cmdlineTo, uses);
  for (const writer of everyVersion(
    wouldWrite,
    notation ?? componentOf(reader, 'object')?.manner?.notation ?? 'token',
  )) {
    for (const mismatch of brokenRules(writer, reader).filter(harmful).map(mismatchOf)) {
      if (!mismatches.some(({ component, wrote }) => component === mismatch.component && wrote === mismatch.wrote))
        mismatches.push(mismatch);
    }
  }
  return mismatches;
}

/** Splits the components into writers with one version of each: as many as the largest number of versions. */
function everyVersion(wouldWrite: readonly Component[], notation: Notation): ComponentVersions[][] {
  const names = [...new Set(wouldWrite.map(({ name }) => name))];
  const rounds = Math.max(1, ...names.map((name) => versionsOf(wouldWrite, name).length));
  return Array.from({ length: rounds }, (_, round) =>
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

/** The next image could read the handover, but its command line turns that off. */
function switchedOff(cmdline: string, uses: readonly Use[] | undefined): Mismatch[] {
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
 * Splits the components that the running kernel would write: those that an image shows, and hidden ones. Whether the
 * next kernel reads a hidden component is unknown, so it is no reason to call the update off.
 */
export function splitByImages(
  seen: readonly Component[],
  from: readonly ComponentVersions[],
  to: readonly ComponentVersions[],
): { shown: Component[]; hidden: Component[] } {
  const isShown = ({ name }: Component): boolean => componentOf(from, name) !== null || componentOf(to, name) !== null;
  return { shown: seen.filter(isShown), hidden: seen.filter((each) => !isShown(each)) };
}
