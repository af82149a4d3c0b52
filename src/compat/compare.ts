// SPDX-License-Identifier: Apache-2.0
// Where two kernels do not meet.

import type { Component, Mismatch } from '../model/component.js';
import { versionsOf } from './component.js';
import { RULES, type Effect, type Rule } from './rules.js';

export interface Meeting {
  rule: Rule;
  effect: Effect;
  wrote: number[];
  reads: number[];
}

/** Every rule that the two break, in the order in which the next kernel comes to it. */
export function brokenRules(from: readonly Component[], to: readonly Component[]): Meeting[] {
  const broken: Meeting[] = [];
  for (const rule of RULES) {
    if (rule.within !== null && !agree(from, to, rule.within)) continue;
    const wrote = versionsOf(from, rule.component);
    const reads = versionsOf(to, rule.component);
    const effect = effectOf(rule, wrote, reads);
    if (effect !== null) broken.push({ rule, effect, wrote, reads });
  }
  return broken;
}

function agree(from: readonly Component[], to: readonly Component[], name: string): boolean {
  const reads = versionsOf(to, name);
  return versionsOf(from, name).some((version) => reads.includes(version));
}

function effectOf(rule: Rule, wrote: readonly number[], reads: readonly number[]): Effect | null {
  if (wrote.length === 0) return reads.length === 0 ? null : rule.unwritten;
  if (reads.length === 0) return rule.unknown.endsIn === 'none' ? null : rule.unknown;
  return wrote.some((version) => reads.includes(version)) ? null : rule.differs;
}

export function mismatchOf({ rule, effect, wrote, reads }: Meeting): Mismatch {
  return {
    component: rule.component, wrote: wrote[0] ?? null, reads, endsIn: effect.endsIn, source: 'images',
    detail: effect.where === '' ? effect.what : `${effect.where}: ${effect.what}`,
  };
}

/** The components that the next kernel does not understand in the version that the old one writes, each with what it ends in by itself. */
export function comparePair(from: readonly Component[], to: readonly Component[]): Mismatch[] {
  return brokenRules(from, to).map(mismatchOf);
}
