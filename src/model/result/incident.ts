// SPDX-License-Identifier: Apache-2.0
// A piece of evidence. The verdict rests on incidents; the first one is the first cause and is never overwritten.
import type { Outcome } from './outcome.js';

export interface Incident {
  /** Where it came from. */
  source: 'lab' | 'console' | 'qmp' | 'agent' | 'memory' | 'deadline';
  side: 'inside' | 'outside';
  /** The outcome that this incident alone implies; null if it is only information. */
  implies: Outcome | null;
  /** Canonical: without addresses, numbers and CPUs, so that the same bug has the same title every night. */
  title: string;
  detail: string;
  epoch: number;
  t: number;
}

/** Title of the incident with the registers of a machine that has reset or gone down. */
export const LAST_REGISTERS = 'the processors when the machine ended';

/** Title of a fault that found nothing to change. The scenario is at fault then: the same run ends so again. */
export function noPlaceTitle(fault: string): string {
  return `fault ${fault}: no place found for it`;
}

export function isNoPlace(title: string | null): boolean {
  return title !== null && /^fault \S+: no place found for it$/.test(title);
}

/** Title of kmemleak's own line on the console. It only counts; the list of objects is another incident. */
export const KMEMLEAK_COUNT = 'kmemleak: new suspected memory leaks';

/** Title of the incident that lists what a kernel hands over and the lab does not know. */
export const UNKNOWN_TO_LAB = 'handed over and unknown to the lab';
