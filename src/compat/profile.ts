// SPDX-License-Identifier: Apache-2.0
// Checks hosts against a profile: which can take part, with which command line, and what prevents higher versions.
import { type Component, type ComponentVersions, PINNABLE_COMPONENTS } from '../model/kernel/component.js';
import type { Profile } from '../model/scenario/profile.js';
import { type CheckedKernel, checkPair, type DirectionCheck, isUnseen } from './check.js';
import { withCmdline } from './rules/object.js';
import type { Use } from './rules/rules.js';
import { GUEST_STATE } from './guest-pin.js';
import { componentOf } from './versions/versions.js';

export interface Host extends CheckedKernel {
  name: string;
  /** Additions to the lab's own command line. */
  cmdline: string;
}

/** A host and a pinned version. Null for unknown. */
export interface PinCheck {
  component: string;
  version: number;
  reads: boolean | null;
  writes: boolean | null;
}

export interface HostCheck {
  host: string;
  /** It can read and write every pinned version. */
  takesPart: boolean | null;
  pins: PinCheck[];
  /** What its command line must contain so that it writes the pinned versions; empty if it does by default. */
  needs: string;
  /** Why it cannot take part, or why that is unknown. */
  reasons: string[];
}

/** The possible upgrades of a component. */
export interface PinOutlook {
  component: string;
  pinned: number;
  /** The highest version that every host can read and write; null if there is none, or if a host is unknown. */
  highest: number | null;
  /** The next higher version of any host, and the hosts that do not support it; null if there is none. */
  next: { version: number; blockedBy: { host: string; reads: boolean; writes: boolean }[] } | null;
}

export interface FeatureCheck {
  feature: string;
  /** The pinned versions support it. */
  carried: boolean;
  /** Versions that it needs and that are not pinned. */
  needs: Component[];
}

/** The update from one host's kernel to another's, both with the pinned versions. */
export interface FleetUpdate extends DirectionCheck {
  from: string;
  to: string;
}

export interface ProfileCheck {
  profile: { name: string; description: string; file: string; pins: Component[] };
  hosts: HostCheck[];
  outlook: PinOutlook[];
  features: FeatureCheck[];
  /**
   * Every update between the hosts that take part, in both directions: a rollback is the update in the other direction.
   */
  updates: FleetUpdate[];
  /** All hosts take part, and every update between them works. */
  compatible: boolean | null;
}

export function checkProfile(
  { name, description, file, pins, features }: Profile,
  hosts: readonly Host[],
): ProfileCheck {
  const checks = hosts.map((host) => hostCheck(host, pins));
  const updates = updatesOf(
    hosts.filter((_, index) => checks[index]?.takesPart === true),
    pins,
  );
  const answers = [...checks.map(({ takesPart }) => takesPart), ...updates.map(({ compatible }) => compatible)];
  return {
    profile: { name, description, file, pins },
    hosts: checks,
    outlook: pins.map((pin) => outlookOf(pin, hosts)),
    features: features.map((feature) => {
      const needs = feature.needs.filter(
        (need) => (pins.find((pin) => pin.name === need.name)?.version ?? -1) < need.version,
      );
      return { feature: feature.name, carried: needs.length === 0, needs };
    }),
    updates,
    compatible: answers.includes(false) ? false : answers.includes(null) ? null : true,
  };
}

/** The same profile with some versions changed. Components that it does not pin are ignored. */
export function bumped(profile: Profile, bumps: readonly Component[]): Profile {
  return { ...profile, pins: profile.pins.map((pin) => bumps.findLast(({ name }) => name === pin.name) ?? pin) };
}

/** What a kernel's command line must contain so that it writes the pinned versions; empty if nothing is needed. */
export function pinnedCmdline(versions: readonly ComponentVersions[], pins: readonly Component[]): string {
  const pin = pins.find(({ name }) => name === 'object');
  const object = componentOf(versions, 'object');
  return pin === undefined ||
    object === null ||
    object.write === pin.version ||
    object.writes?.includes(pin.version) === false
    ? ''
    : `labobj.write=${pin.version}`;
}

/** The versions of the host's kernel with this command line, and of the agent on it. */
function spokenBy({ versions, cmdline }: Host): ComponentVersions[] {
  return [...withCmdline(versions, cmdline), GUEST_STATE];
}

function hostCheck(host: Host, pins: readonly Component[]): HostCheck {
  const versions = spokenBy(host);
  const checks = pins.map((pin) => pinCheck(componentOf(versions, pin.name), pin, host));
  const bad = checks.filter(({ reads, writes }) => reads === false || writes === false);
  const unknown = checks.filter(({ reads, writes }) => reads === null || writes === null);
  const takesPart = bad.length > 0 ? false : unknown.length > 0 ? null : true;
  return {
    host: host.name,
    takesPart,
    pins: checks,
    needs: takesPart === false ? '' : pinnedCmdline(versions, pins),
    reasons:
      takesPart === false
        ? bad.map((each) => badReason(each, componentOf(versions, each.component)))
        : unknown.map(
            ({ component, version, reads }) =>
              `whether it ${reads === null ? 'reads' : 'can write'} ${component} ${version} is not known`,
          ),
  };
}

function pinCheck(component: ComponentVersions | null, { name, version }: Component, host: Host): PinCheck {
  const reads = component?.reads.includes(version) ?? false;
  const writes =
    component === null ? false : (component.writes?.includes(version) ?? (component.write === version ? true : null));
  // A component may be missing only because the image could not be read, or because no string names it.
  const sure =
    host.known && !isUnseen(host, name) && (component !== null || PINNABLE_COMPONENTS.some((each) => each === name));
  return {
    component: name,
    version,
    reads: reads || sure ? reads : null,
    writes: writes === false && !sure ? null : writes,
  };
}

function badReason({ component, version, reads, writes }: PinCheck, has: ComponentVersions | null): string {
  if (has === null) return `has no ${component}`;
  const [can, not] =
    reads === false
      ? writes === false
        ? ['neither reads nor writes', has.reads]
        : ['cannot read', has.reads]
      : ['cannot write', has.writes ?? []];
  return `${can} ${component} ${version}, only ${not.join(', ') || 'none'}`;
}

function outlookOf({ name, version }: Component, hosts: readonly Host[]): PinOutlook {
  const all = hosts.map((host) => ({ host, component: componentOf(spokenBy(host), name) }));
  const spoken = [
    ...new Set(all.flatMap(({ component }) => [...(component?.reads ?? []), ...(component?.writes ?? [])])),
  ].sort((a, b) => b - a);
  const whole = all.every(({ host, component }) => host.known && component?.writes !== null);
  const common = spoken.find((each) =>
    all.every(({ component }) => component?.reads.includes(each) && component.writes?.includes(each)),
  );
  const next = spoken.findLast((each) => each > version);
  const blockedBy = all.map(({ host, component }) => ({
    host: host.name,
    reads: component?.reads.includes(next ?? -1) ?? false,
    writes: component?.writes?.includes(next ?? -1) ?? false,
  }));
  return {
    component: name,
    pinned: version,
    highest: whole ? (common ?? null) : null,
    next:
      next === undefined
        ? null
        : { version: next, blockedBy: blockedBy.filter(({ reads, writes }) => !reads || !writes) },
  };
}

/** The uses that the pinned components support. */
const CARRIED_BY: Readonly<Record<string, Use>> = {
  luo: 'session',
  memfd: 'memfd',
  object: 'object',
  memblock: 'reserve_mem',
};

function updatesOf(hosts: readonly Host[], pins: readonly Component[]): FleetUpdate[] {
  const uses = pins.flatMap(({ name }) => CARRIED_BY[name] ?? []);
  const pinned = hosts.map((host) => ({
    host,
    cmdline: `${host.cmdline} ${pinnedCmdline(withCmdline(host.versions, host.cmdline), pins)}`.trim(),
  }));
  return pinned.flatMap(({ host: from, cmdline: cmdlineFrom }) =>
    pinned
      .filter(({ host }) => host !== from)
      .map(({ host: to, cmdline: cmdlineTo }) => ({
        from: from.name,
        to: to.name,
        ...checkPair({ from, to, cmdlineFrom, cmdlineTo, uses, objectNeeds: null }).update,
      })),
  );
}
