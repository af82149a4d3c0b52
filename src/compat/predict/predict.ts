// SPDX-License-Identifier: Apache-2.0
// Foretells an update. The next kernel reads the handover layer by layer, and the first broken layer decides: where the
// root is refused, nobody ever comes to the sessions.

import type { ComponentVersions } from '../../model/kernel/component.js';
import type { BootFacts } from '../../model/kernel/image.js';
import type { Prediction } from '../../model/result/prediction.js';
import { switchOf } from '../binary/cmdline.js';
import { brokenRules, meetings, mismatchOf } from '../compare.js';
import { hardwarePart } from './hardware.js';
import { isSince } from '../binary/kernel-size.js';
import { withCmdline } from '../object.js';
import { SILENT_CHANGES, SWITCHES, type Effect, type Use } from './rules.js';
import { componentOf, readsOf, writtenBy } from '../versions.js';

/** What is known of a kernel; a KernelImage is one. */
export interface KernelFacts {
  release: string | null;
  versions: readonly ComponentVersions[];
  /** The versions are all there are; otherwise nothing is foretold. */
  known: boolean;
  /** Missing where nothing tells how much memory it takes. */
  boot?: BootFacts;
}

export interface PredictInput {
  from: KernelFacts;
  to: KernelFacts;
  /** Each kernel's command line, or what is added to the lab's own, which switches both kho and liveupdate on. */
  cmdlineFrom: string;
  cmdlineTo: string;
  uses: readonly Use[];
  /**
   * Lowest version of the lab's object that can carry what the objects hold (neededVersion); null where none is
   * carried.
   */
  objectNeeds?: number | null;
}

/** What will happen; null where one of the two kernels could not be read. */
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

  const cannot = unsupported(from, cmdlineFrom, uses, objectNeeds);
  if (cannot !== null)
    return { ...end('refused', 'none', cannot.reason), component: cannot.component, signs: [...cannot.signs] };
  const carried = uses.length > 0;
  const met = meetings(from.versions, to.versions);

  const root = met.find(({ rule }) => rule.component === 'kho');
  if (root?.effect) {
    const reason = sentence(root.effect, 'kho', root.wrote, root.reads);
    if (!carried) return end('preserved', 'none', `nothing is carried over; ${reason}`);
    const behind = met.filter((other) => other !== root && other.effect !== null).map(({ rule }) => rule.component);
    return decide(
      'kho',
      root.effect,
      reason,
      behind.length === 0 ? [] : [`never read, and no match either: ${behind.join(', ')}`],
    );
  }
  if (root?.wrote.length === 0) return end('preserved', 'none', 'nothing is carried over: the old kernel has no KHO');

  const silent = silentChange(from, to);
  if (silent !== null && carried)
    return { ...end('corrupt', 'reboot', silent), where: 'kho_mem_deserialize', component: null };

  const off = (name: 'kho' | 'liveupdate'): boolean => switchOf(cmdlineTo, name) === false;
  const needs = (name: 'kho' | 'liveupdate'): boolean => uses.some((use) => SWITCHES[name].needs.includes(use));
  // With kho=off the sessions are not looked at, so that not even a wrong version panics; reserve_mem is revived all
  // the same.
  const luoIsRead = !off('kho');
  if (!luoIsRead && needs('kho')) return decide('luo', SWITCHES.kho.effect, sentence(SWITCHES.kho.effect));

  for (const { rule, state, effect, wrote, reads } of met) {
    const concerned = rule.carries === 'any' || rule.carries.some((use) => uses.includes(use));
    if (state === 'unknown' && concerned) return null;
    const ofLuo =
      ['luo', 'memfd', 'object'].includes(rule.component) ||
      rule.within === 'luo' ||
      hardwarePart(rule.component) !== null;
    if (effect === null || effect.endsIn === 'none' || !concerned || (ofLuo && !luoIsRead)) continue;
    // A kernel without LUO leaks what sessions hold; without any, only the old kernel's own few pages.
    if (rule.component === 'luo' && effect.endsIn === 'leak' && !needs('liveupdate')) continue;
    // liveupdate=off does not keep the incoming tree from being read, so a wrong version of it still panics; files come
    // later.
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

interface Cannot {
  component: string;
  signs: readonly string[];
  reason: string;
}

/** The old kernel cannot even preserve it: the step fails, and nothing is lost. */
function unsupported(
  { versions }: KernelFacts,
  cmdline: string,
  uses: readonly Use[],
  objectNeeds: number | null,
): Cannot | null {
  const lacks = (name: string): boolean => componentOf(versions, name) === null;
  const inSession = uses.some((use) => use !== 'reserve_mem' && use !== 'test_kho');
  if (!inSession) return null;
  if (lacks('luo'))
    return {
      component: 'luo',
      signs: NO_DEVICE,
      reason: 'the old kernel has no LUO: there are no sessions to preserve anything in',
    };
  for (const name of ['kho', 'liveupdate']) {
    const reason = `the old kernel is told ${name}=off: there is no /dev/liveupdate to preserve anything with`;
    if (switchOf(cmdline, name) === false) return { component: 'luo', signs: NO_DEVICE, reason };
  }
  if (uses.includes('memfd') && lacks('memfd')) {
    return {
      component: 'memfd',
      signs: ['preserve failed with ENOENT'],
      reason: 'the old kernel has no handler for memfds: it refuses to preserve one',
    };
  }
  if (uses.includes('device') && !versions.some(({ name }) => hardwarePart(name) === 'vfio')) {
    return {
      component: 'vfio',
      signs: ['device-preserve failed with ENOENT'],
      reason: "the old kernel has no handler for a device's descriptor: it refuses to preserve one",
    };
  }
  return uses.includes('object') ? unsupportedObject(versions, objectNeeds) : null;
}

/** The device node is not there, or its driver is not. */
const NO_DEVICE = ['ENOENT', 'ENODEV', 'ENXIO', 'EOPNOTSUPP'];

function unsupportedObject(versions: readonly ComponentVersions[], objectNeeds: number | null): Cannot | null {
  const object = componentOf(versions, 'object');
  if (object === null)
    return {
      component: 'object',
      signs: ['ENOENT', 'ENODEV'],
      reason: 'the old kernel has no /dev/labobj: there is no object to preserve',
    };
  const written = writtenBy(object);
  const cannot = (reason: string): Cannot => ({ component: 'object', signs: ['preserve failed'], reason });
  if (written?.length === 0)
    return cannot('the old kernel writes no version of the object: it refuses to preserve one');
  if (objectNeeds === null || written === null || written.some((version) => version >= objectNeeds)) return null;
  return cannot(
    `the old kernel writes object-v${Math.max(...written)}, which cannot carry what the object holds; that needs v${objectNeeds}: preserve fails with EOPNOTSUPP (labobj_preserve)`,
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
      return `both say ${component}-v${version}, but with ${since.join('.')} the layout changed without the version: ${what}`;
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
