// SPDX-License-Identifier: Apache-2.0
// Witnesses: the lab's sources of evidence. A good verdict is possible only if every witness that applies has looked.

/**
 * `inside`: contents and metadata, from the agent. `outside`: contents, from physical memory. `marks`: handed-over
 * pages that were not restored. `page-state`: how the kernel uses each page that came back. `taint`: the kernel's own
 * flags for damage. `iommu`: translation, faults and resets, from QEMU's trace. `guest`: whether a guest continues with
 * its own state. `kmemleak`: objects that nobody points to, from a kernel with that checker.
 */
export const WITNESSES = ['inside', 'outside', 'marks', 'page-state', 'taint', 'iommu', 'guest', 'kmemleak'] as const;
export type Witness = (typeof WITNESSES)[number];

/** One witness in a whole run. */
export interface WitnessOfResult {
  /** It looked wherever the verdict needed it, and it missed nothing. */
  looked: boolean;
  /** How much it saw, in its own unit: pages, trace events, guests, reads of the taint mask, objects. */
  counted: number;
  /** Why it could not see; null if it could. */
  why: string | null;
  /** The verdict needs it. */
  required: boolean;
  /** The user does not need it: --without, or `without` in the scenario. */
  waived: boolean;
}

/** A witness that the verdict needs but that did not see. */
export interface BlindWitness {
  witness: Witness;
  epoch: number;
  why: string;
  /** How to fix it, if known. */
  hint: string | null;
}

/** Waived witnesses that did not see. */
export function missedWitnesses({ witnesses }: { witnesses: Partial<Record<Witness, WitnessOfResult>> }): Witness[] {
  return WITNESSES.filter((name) => witnesses[name]?.waived === true && !witnesses[name].looked);
}
