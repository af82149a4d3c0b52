// SPDX-License-Identifier: Apache-2.0
// Compares the versions of two kernels by the rules.
import type { ComponentVersions, Mismatch } from '../../model/kernel/component.js';
import { hardwarePart, hardwareRules } from './hardware.js';
import { objectEffect } from './object.js';
import { REGISTERED_RULES, RULES, type Effect, type Rule } from './rules.js';
import { componentOf, readsOf, writtenBy } from '../versions/versions.js';

/**
 * `match`: the reader reads the written version. `mismatch`: it does not, which has an effect. `none`: nothing is
 * written, and the reader does not need it. `unreached`: it is inside a component that does not match. `unknown`: the
 * versions are unknown.
 */
export type ComparisonState = 'match' | 'mismatch' | 'none' | 'unreached' | 'unknown';

export interface Comparison {
  rule: Rule;
  state: ComparisonState;
  /** The effect of a mismatch; null for every other state. */
  effect: Effect | null;
  wrote: number[];
  reads: number[];
}

/** Compares every component of the rules, in the order in which the next kernel reads them. */
export function compareComponents(from: readonly ComponentVersions[], to: readonly ComponentVersions[]): Comparison[] {
  const known = [...RULES, ...hardwareRules(from, to)];
  return [...known, ...registeredRules(known, [...from, ...to])].map((rule) => {
    const writer = componentOf(from, rule.component);
    const reader = componentOf(to, rule.component);
    const base = { rule, wrote: writtenBy(writer) ?? [], reads: reader?.reads ?? [] };
    if (rule.within !== null && !agree(from, to, rule.within)) return { ...base, state: 'unreached', effect: null };
    const result = compareVersions(rule, writer, reader);
    return typeof result === 'string'
      ? { ...base, state: result, effect: null }
      : { ...base, state: 'mismatch', effect: result };
  });
}

/** A rule for each handler and FLB that the lab knows no more of than its name. */
function registeredRules(known: readonly Rule[], all: readonly ComponentVersions[]): Rule[] {
  const kinds = new Map(all.flatMap(({ name, kind }) => (kind === undefined ? [] : [[name, kind] as const])));
  return [...kinds]
    .filter(([name]) => !known.some(({ component }) => component === name))
    .map(([component, kind]) => ({ component, within: null, carries: [], unwritten: null, ...REGISTERED_RULES[kind] }));
}

function agree(from: readonly ComponentVersions[], to: readonly ComponentVersions[], name: string): boolean {
  const reads = readsOf(to, name);
  return writtenBy(componentOf(from, name))?.some((version) => reads.includes(version)) ?? false;
}

function compareVersions(
  rule: Rule,
  writer: ComponentVersions | null,
  reader: ComponentVersions | null,
): Effect | 'match' | 'none' | 'unknown' {
  const wrote = writtenBy(writer);
  const reads = reader?.reads ?? [];
  if (writer === null || wrote?.length === 0) return reads.length === 0 ? 'none' : (rule.unwritten ?? 'none');
  if (rule.component === 'object' && reader !== null) return objectEffect(writer, reader) ?? 'match';
  if (reader === null) return rule.unknown.endsIn === 'none' ? 'none' : rule.unknown;
  // Both have it, and the version of one is not known.
  if (wrote === null || reads.length === 0) return 'unknown';
  return wrote.some((version) => reads.includes(version)) ? 'match' : rule.differs;
}

export interface Broken extends Comparison {
  effect: Effect;
}

/** Every rule with a mismatch. */
export function brokenRules(from: readonly ComponentVersions[], to: readonly ComponentVersions[]): Broken[] {
  return compareComponents(from, to).flatMap((comparison) =>
    comparison.effect === null ? [] : [{ ...comparison, effect: comparison.effect }],
  );
}

export function mismatchOf({ rule, effect, wrote, reads }: Broken): Mismatch {
  // Kernels have their own names for the parts of a device's handover; the result has one name for each part.
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

/** All components that the next kernel cannot read in the version that the old one writes, each with its own effect. */
export function comparePair(from: readonly ComponentVersions[], to: readonly ComponentVersions[]): Mismatch[] {
  return brokenRules(from, to).map(mismatchOf);
}
