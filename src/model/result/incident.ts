// SPDX-License-Identifier: Apache-2.0
// One piece of evidence. Incidents are what the verdict is made of; the first one is the first cause and is never
// overwritten.
import type { Outcome } from './outcome.js';

export interface Incident {
  /** The stream that showed it. */
  source: 'lab' | 'console' | 'qmp' | 'agent' | 'memory' | 'deadline';
  side: 'inside' | 'outside';
  /** The outcome that this piece of evidence alone would stand for; null where it only informs. */
  implies: Outcome | null;
  /** Canonical: addresses, numbers and CPUs replaced, so that the same bug has the same title every night. */
  title: string;
  detail: string;
  epoch: number;
  t: number;
}
