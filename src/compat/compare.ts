// SPDX-License-Identifier: Apache-2.0
// Where two kernels meet, and where they do not.
import type { ComponentVersions, Mismatch } from '../model/kernel/component.js';
import { hardwarePart, hardwareRules } from './predict/hardware.js';
import { objectMeeting } from './object.js';
import { RULES, type Effect, type Rule } from './predict/rules.js';
import { componentOf, readsOf, writtenBy } from './versions.js';

/**
 * `match`: read as it is written. `mismatch`: not read, with an effect. `none`: nothing is written, and nobody misses
 * it. `unreached`: it stands inside a component that does not match. `unknown`: what is written, or how it is read,
 * cannot be known.
 */
export type MeetingState = 'match' | 'mismatch' | 'none' | 'unreached' | 'unknown';

export interface Meeting {
  rule: Rule;
  state: MeetingState;
  /** What a mismatch ends in; null for every other state. */
  effect: Effect | null;
  wrote: number[];
  reads: number[];
}

/** Every component of the rules, in the order in which the next kernel comes to it. */
export function meetings(from: readonly ComponentVersions[], to: readonly ComponentVersions[]): Meeting[] {
  return [...RULES, ...hardwareRules(from, to)].map((rule) => {
    const writer = componentOf(from, rule.component);
    const reader = componentOf(to, rule.component);
    const about = { rule, wrote: writtenBy(writer) ?? [], reads: reader?.reads ?? [] };
    if (rule.within !== null && !agree(from, to, rule.within)) return { ...about, state: 'unreached', effect: null };
    const met = meet(rule, writer, reader);
    return typeof met === 'string'
      ? { ...about, state: met, effect: null }
      : { ...about, state: 'mismatch', effect: met };
  });
}

function agree(from: readonly ComponentVersions[], to: readonly ComponentVersions[], name: string): boolean {
  const reads = readsOf(to, name);
  return writtenBy(componentOf(from, name))?.some((version) => reads.includes(version)) ?? false;
}

function meet(
  rule: Rule,
  writer: ComponentVersions | null,
  reader: ComponentVersions | null,
): Effect | 'match' | 'none' | 'unknown' {
  const wrote = writtenBy(writer);
  const reads = reader?.reads ?? [];
  if (writer === null || wrote?.length === 0) return reads.length === 0 ? 'none' : (rule.unwritten ?? 'none');
  if (rule.component === 'object' && reader !== null) return objectMeeting(writer, reader) ?? 'match';
  if (reader === null || reads.length === 0) return rule.unknown.endsIn === 'none' ? 'none' : rule.unknown;
  if (wrote === null) return 'unknown';
  return wrote.some((version) => reads.includes(version)) ? 'match' : rule.differs;
}

export interface Broken extends Meeting {
  effect: Effect;
}

/** Every rule that the two break. */
export function brokenRules(from: readonly ComponentVersions[], to: readonly ComponentVersions[]): Broken[] {
  return meetings(from, to).flatMap((meeting) =>
    meeting.effect === null ? [] : [{ ...meeting, effect: meeting.effect }],
  );
}

export function mismatchOf({ rule, effect, wrote, reads }: Broken): Mismatch {
  // What a kernel calls its part of a device's handover is its own; the record has one name for each part.
  const part = hardwarePart(rule.component);
  const detail = effect.where === '' ? effect.what : `${effect.where}: ${effect.what}`;
  return {
    component: part ?? rule.component,
    wrote: wrote[0] ?? null,
    reads,
    endsIn: effect.endsIn,
    source: 'images',
    detail: part === null ? detail : `${rule.component}: ${detail}`,
  };
}

/**
 * The components that the next kernel does not understand in the version that the old one writes, each with what it
 * ends in by itself.
 */
export function comparePair(from: readonly ComponentVersions[], to: readonly ComponentVersions[]): Mismatch[] {
  return brokenRules(from, to).map(mismatchOf);
}
