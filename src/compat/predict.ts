// SPDX-License-Identifier: Apache-2.0
// Foretells an update. The next kernel reads the handover layer by layer, and the first broken layer decides: where the root
// is refused, nobody ever comes to the sessions.

import type { Component } from '../model/component.js';
import type { Prediction } from '../model/prediction.js';
import { switchOf } from './cmdline.js';
import { brokenRules, mismatchOf } from './compare.js';
import { versionsOf } from './component.js';
import { SILENT_CHANGES, SWITCHES, type Effect, type Use } from './rules.js';

/** What is known of a kernel; a KernelImage is one. */
export interface KernelFacts {
  release: string | null;
  components: readonly Component[];
  /** The list of components is all there is. Where it is empty, that must be said: it mostly means that the image could not be read. */
  complete?: boolean;
}

export interface PredictInput {
  from: KernelFacts;
  to: KernelFacts;
  /** The next kernel's command line, or what is added to the lab's own, which switches both kho and liveupdate on. */
  cmdlineTo: string;
  uses: readonly Use[];
}

/** What will happen; null where one of the two kernels could not be read. */
export function predict({ from, to, cmdlineTo, uses }: PredictInput): Prediction | null {
  if (!known(from) || !known(to)) return null;
  const broken = brokenRules(from.components, to.components);
  const mismatches = broken.map(mismatchOf);
  const decide = (effect: Effect, reason: string, further: string[] = []): Prediction => ({ outcome: effect.outcome, endsIn: effect.endsIn, mismatches, reasons: [reason, ...further] });

  const cannot = unsupported(from, uses);
  if (cannot !== null) return { outcome: 'refused', endsIn: 'none', mismatches, reasons: [cannot] };
  const writesKho = versionsOf(from.components, 'kho').length > 0;
  const carried = uses.length > 0;

  const root = broken.find(({ rule }) => rule.component === 'kho');
  if (root !== undefined) {
    const reason = sentence(root.effect, 'kho', root.wrote, root.reads);
    if (!carried) return { outcome: 'preserved', endsIn: 'none', mismatches, reasons: [`nothing is carried over; ${reason}`] };
    const behind = broken.filter((other) => other !== root).map(({ rule }) => rule.component);
    return decide(root.effect, reason, behind.length === 0 ? [] : [`never read, and no match either: ${behind.join(', ')}`]);
  }
  if (!writesKho) return { outcome: 'preserved', endsIn: 'none', mismatches, reasons: ['nothing is carried over: the old kernel has no KHO'] };

  const silent = silentChange(from, to);
  if (silent !== null && carried) {
    return { outcome: 'corrupt', endsIn: 'reboot', mismatches, reasons: [silent] };
  }

  const off = (name: 'kho' | 'liveupdate'): boolean => switchOf(cmdlineTo, name) === false;
  const needs = (name: 'kho' | 'liveupdate'): boolean => uses.some((use) => SWITCHES[name].needs.includes(use));
  // With kho=off the sessions are not looked at, so that not even a wrong version panics; reserve_mem is revived all the same.
  const luoIsRead = !off('kho');
  if (!luoIsRead && needs('kho')) return decide(SWITCHES.kho.effect, sentence(SWITCHES.kho.effect));

  for (const { rule, effect, wrote, reads } of broken) {
    const concerned = rule.carries === 'any' || rule.carries.some((use) => uses.includes(use));
    const ofLuo = rule.component === 'luo' || rule.component === 'memfd' || rule.within === 'luo';
    if (effect.endsIn === 'none' || !concerned || (ofLuo && !luoIsRead)) continue;
    // A kernel without LUO leaks what sessions hold; without any, only the old kernel's own few pages.
    if (rule.component === 'luo' && effect.endsIn === 'leak' && !needs('liveupdate')) continue;
    // liveupdate=off does not keep the incoming tree from being read, so a wrong version of it still panics; files come later.
    if (effect.endsIn === 'leak' && ofLuo && off('liveupdate')) break;
    return decide(effect, sentence(effect, rule.component, wrote, reads));
  }
  if (off('liveupdate') && needs('liveupdate')) return decide(SWITCHES.liveupdate.effect, sentence(SWITCHES.liveupdate.effect));
  return { outcome: 'preserved', endsIn: 'none', mismatches, reasons: [carried ? 'both kernels agree on every component that is carried over' : 'nothing is carried over'] };
}

function known(kernel: KernelFacts): boolean {
  return kernel.complete ?? kernel.components.length > 0;
}

/** The old kernel cannot even preserve it: the step fails, and nothing is lost. */
function unsupported(from: KernelFacts, uses: readonly Use[]): string | null {
  const lacks = (name: string): boolean => versionsOf(from.components, name).length === 0;
  if (uses.includes('reserve_mem') && uses.length === 1) return null;
  if ((uses.includes('session') || uses.includes('memfd')) && lacks('luo')) return 'the old kernel has no LUO: there are no sessions to preserve anything in';
  if (uses.includes('memfd') && lacks('memfd')) return 'the old kernel has no handler for memfds: it refuses to preserve one';
  return null;
}

function silentChange(from: KernelFacts, to: KernelFacts): string | null {
  for (const { component, version, since, what } of SILENT_CHANGES) {
    if (!versionsOf(from.components, component).includes(version) || !versionsOf(to.components, component).includes(version)) continue;
    const [before, after] = [isSince(from.release, since), isSince(to.release, since)];
    if (before !== null && after !== null && before !== after) {
      return `both say ${component}-v${version}, but with ${since.join('.')} the layout changed without the version: ${what}`;
    }
  }
  return null;
}

function isSince(release: string | null, [major, minor]: readonly [number, number]): boolean | null {
  const match = /^(\d+)\.(\d+)/.exec(release ?? '');
  if (match === null) return null;
  const [a, b] = [Number(match[1]), Number(match[2])];
  return a > major || (a === major && b >= minor);
}

function sentence(effect: Effect, component?: string, wrote: readonly number[] = [], reads: readonly number[] = []): string {
  if (component === undefined) return `${effect.what} (${effect.where})`;
  const old = wrote.length === 0 ? `no ${component}` : wrote.map((version) => `${component}-v${version}`).join(' or ');
  const next = reads.length === 0 ? `no ${component}` : reads.map((version) => `${component}-v${version}`).join(' or ');
  return `the old kernel writes ${old}, the next one reads ${next}: ${effect.what} (${effect.where})`;
}
