// SPDX-License-Identifier: Apache-2.0
// Who can see a certain thing. A verdict that says "all is well" needs every witness that applies to have looked.

/**
 * `inside`: contents and metadata, by the agent. `outside`: contents, in physical memory. `marks`: handed-over pages
 * that nobody restored. `page-state`: what the kernel does with each page that came back. `taint`: the kernel's own
 * note that it is damaged. `iommu`: translation, faults and resets, by QEMU's trace. `guest`: whether a guest goes on
 * as itself.
 */
export const WITNESSES = ['inside', 'outside', 'marks', 'page-state', 'taint', 'iommu', 'guest'] as const;
export type Witness = (typeof WITNESSES)[number];

/** What one witness has to say for a whole run. */
export interface WitnessOfResult {
  /** It looked wherever the verdict needed it, and nothing hid anything from it. */
  looked: boolean;
  /** How much it saw, in its own unit: pages, trace events, guests, looks at the taint mask. */
  counted: number;
  /** Why it could not see; null where it could. */
  why: string | null;
  /** The verdict needs it. */
  required: boolean;
  /** The user does without it: --without, or `without` of the scenario. */
  waived: boolean;
}

/** A witness that a verdict needs and that did not see. */
export interface BlindWitness {
  witness: Witness;
  epoch: number;
  why: string;
  /** The way to mend it; null where none is known. */
  hint: string | null;
}

/** Witnesses that did not see, and that the user did without. */
export function missedWitnesses({ witnesses }: { witnesses: Partial<Record<Witness, WitnessOfResult>> }): Witness[] {
  return WITNESSES.filter((name) => witnesses[name]?.waived === true && !witnesses[name].looked);
}
