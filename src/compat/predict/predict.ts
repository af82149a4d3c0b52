// SPDX-License-Identifier: Apache-2.0
// Predicts an update from two images. The next kernel reads the handover layer by layer, and the first mismatch
// decides: if it rejects the root, it never reads the sessions.

import type { ComponentVersions } from '../../model/kernel/component.js';
import type { Prediction } from '../../model/result/prediction.js';
import { switchOf } from '../binary/cmdline.js';
import { brokenRules, compareComponents, mismatchOf } from '../rules/compare.js';
import { hardwarePart } from '../rules/hardware.js';
import { isSince } from '../binary/kernel-size.js';
import type { KernelFacts } from '../versions/kernel-facts.js';
import { withCmdline } from '../rules/object.js';
import { SILENT_CHANGES, SWITCHES, type Effect, type Use } from '../rules/rules.js';
import { componentOf, readsOf, writtenBy } from '../versions/versions.js';

export interface PredictInput {
  from: KernelFacts;
  to: KernelFacts;
  /** The additions to the lab's own command line, which turns kho and liveupdate on. */
  cmdlineFrom: string;
  cmdlineTo: string;
  uses: readonly Use[];
  /** The lowest version of the lab's object that can carry the objects (neededVersion); null without objects. */
  objectNeeds?: number | null;
}

/** The prediction; null if one of the kernels could not be read. */
export function predict({
  from: first,
  to: second,
  cmdlineFrom,
  cmdlineTo,
  uses,
  objectNeeds = null,
}: PredictInput): Prediction | null {
  if (!first.known || !second.known) return null;
  const from = { ...first, versions: withCmdline(first.versions, cmdlineFrom) };
  const to = { ...second, versions: withCmdline(second.versions, cmdlineTo) };
  const mismatches = brokenRules(from.versions, to.versions).map(mismatchOf);
  const end = (outcome: Prediction['outcome'], endsIn: Prediction['endsIn'], reason: string): Prediction => ({
    outcome,
    endsIn,
    where: null,
    component: null,
    signs: [],
    mismatches,
    reasons: [reason],
  });
  const decide = (component: string, effect: Effect, reason: string, further: string[] = []): Prediction => ({
    outcome: effect.outcome,
    endsIn: effect.endsIn,
    where: effect.where || null,
    component,
    signs: [...(effect.signs ?? [])],
    mismatches,
    reasons: [reason, ...further],
  });

  const missing = unsupported(from, cmdlineFrom, uses, objectNeeds);
  if (missing !== null)
    return { ...end('refused', 'none', missing.reason), component: missing.component, signs: [...missing.signs] };
  const carried = uses.length > 0;
  const comparisons = compareComponents(from.versions, to.versions);

  const root = comparisons.find(({ rule }) => rule.component === 'kho');
  if (root?.effect) {
    const reason = sentence(root.effect, 'kho', root.wrote, root.reads);
    if (!carried) return end('preserved', 'none', `nothing is carried over; ${reason}`);
    const unread = comparisons
      .filter((other) => other !== root && other.effect !== null)
      .map(({ rule }) => rule.component);
    return decide(
      'kho',
      root.effect,
      reason,
      unread.length === 0 ? [] : [`also different, but never read: ${unread.join(', ')}`],
    );
  }
  if (root?.wrote.length === 0) return end('preserved', 'none', 'nothing is carried over: the old kernel has no KHO');

  const silent = silentChange(from, to);
  if (silent !== null && carried)
    return { ...end('corrupt', 'reboot', silent), where: 'kho_mem_deserialize', component: null };

  const off = (name: 'kho' | 'liveupdate'): boolean => switchOf(cmdlineTo, name) === false;
  const needs = (name: 'kho' | 'liveupdate'): boolean => uses.some((use) => SWITCHES[name].needs.includes(use));
  // With kho=off the kernel does not read the sessions, so even a wrong version does not panic. It still revives
  // reserve_mem.
  const luoIsRead = !off('kho');
  if (!luoIsRead && needs('kho')) return decide('luo', SWITCHES.kho.effect, sentence(SWITCHES.kho.effect));

  for (const { rule, state, effect, wrote, reads } of comparisons) {
    const concerned = rule.carries === 'any' || rule.carries.some((use) => uses.includes(use));
    if (state === 'unknown' && concerned) return null;
    const ofLuo =
      ['luo', 'memfd', 'object'].includes(rule.component) ||
      rule.within === 'luo' ||
      hardwarePart(rule.component) !== null;
    if (effect === null || effect.endsIn === 'none' || !concerned || (ofLuo && !luoIsRead)) continue;
    // A kernel without LUO leaks the files of sessions. Without sessions, it leaks only a few of the old kernel's
    // pages.
    if (rule.component === 'luo' && effect.endsIn === 'leak' && !needs('liveupdate')) continue;
    // liveupdate=off does not stop the kernel from reading the incoming tree, so a wrong version of it still panics.
    // The files come later.
    if (effect.endsIn === 'leak' && ofLuo && off('liveupdate')) break;
    return decide(rule.component, effect, sentence(effect, rule.component, wrote, reads));
  }
  if (off('liveupdate') && needs('liveupdate'))
    return decide('luo', SWITCHES.liveupdate.effect, sentence(SWITCHES.liveupdate.effect));
  return end(
    'preserved',
    'none',
    carried ? 'both kernels agree on every component that is carried over' : 'nothing is carried over',
  );
}

interface Unsupported {
  component: string;
  signs: readonly string[];
  reason: string;
}

/** Why the old kernel cannot preserve something. The step fails, and nothing is lost. */
function unsupported(
  { versions }: KernelFacts,
  cmdline: string,
  uses: readonly Use[],
  objectNeeds: number | null,
): Unsupported | null {
  const isMissing = (name: string): boolean => componentOf(versions, name) === null;
  const inSession = uses.some((use) => use !== 'reserve_mem' && use !== 'test_kho');
  if (!inSession) return null;
  if (isMissing('luo'))
    return { component: 'luo', signs: NO_DEVICE, reason: 'the old kernel has no LUO, so there are no sessions' };
  for (const name of ['kho', 'liveupdate']) {
    const reason = `the old kernel's command line has ${name}=off, so there is no /dev/liveupdate`;
    if (switchOf(cmdline, name) === false) return { component: 'luo', signs: NO_DEVICE, reason };
  }
  if (uses.includes('memfd') && isMissing('memfd')) {
    return {
      component: 'memfd',
      signs: ['preserve failed with ENOENT'],
      reason: 'the old kernel has no handler for memfds, so it refuses to preserve one',
    };
  }
  if (uses.includes('device') && !versions.some(({ name }) => hardwarePart(name) === 'vfio')) {
    return {
      component: 'vfio',
      signs: ['device-preserve failed with ENOENT'],
      reason: "the old kernel has no handler for a device's descriptor, so it refuses to preserve one",
    };
  }
  return uses.includes('object') ? unsupportedObject(versions, objectNeeds) : null;
}

/** The errors if the device node or its driver does not exist. */
const NO_DEVICE = ['ENOENT', 'ENODEV', 'ENXIO', 'EOPNOTSUPP'];

function unsupportedObject(versions: readonly ComponentVersions[], objectNeeds: number | null): Unsupported | null {
  const object = componentOf(versions, 'object');
  if (object === null)
    return {
      component: 'object',
      signs: ['ENOENT', 'ENODEV'],
      reason: 'the old kernel has no /dev/labobj, so there is no object',
    };
  const written = writtenBy(object);
  const unsupportedBecause = (reason: string): Unsupported => ({
    component: 'object',
    signs: ['preserve failed'],
    reason,
  });
  if (written?.length === 0)
    return unsupportedBecause('the old kernel writes no version of the object, so it refuses to preserve one');
  if (objectNeeds === null || written === null || written.some((version) => version >= objectNeeds)) return null;
  return unsupportedBecause(
    `the old kernel writes object-v${Math.max(...written)}, but the object's content needs v${objectNeeds}: ` +
      'preserve fails with EOPNOTSUPP (labobj_preserve)',
  );
}

function silentChange(from: KernelFacts, to: KernelFacts): string | null {
  for (const { component, version, since, what } of SILENT_CHANGES) {
    if (
      !writtenBy(componentOf(from.versions, component))?.includes(version) ||
      !readsOf(to.versions, component).includes(version)
    )
      continue;
    const [before, after] = [isSince(from.release, since), isSince(to.release, since)];
    if (before !== null && after !== null && before !== after) {
      return (
        `both have ${component}-v${version}, but the layout changed in ${since.join('.')} without the version: ` + what
      );
    }
  }
  return null;
}

function sentence(
  effect: Effect,
  component?: string,
  wrote: readonly number[] = [],
  reads: readonly number[] = [],
): string {
  const what = effect.where === '' ? effect.what : `${effect.what} (${effect.where})`;
  if (component === undefined) return what;
  const old = wrote.length === 0 ? `no ${component}` : wrote.map((version) => `${component}-v${version}`).join(' or ');
  const next = reads.length === 0 ? `no ${component}` : reads.map((version) => `${component}-v${version}`).join(' or ');
  return `the old kernel writes ${old}, the next one reads ${next}: ${what}`;
}
