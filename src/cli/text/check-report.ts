// SPDX-License-Identifier: Apache-2.0
// What `lab check --json` prints of a pair. Scripts read it: names stay as they are.
import { type CheckInput, checkPair, isUnseen, type PairCheck, type Use } from '../../compat/index.js';
import type { ComponentVersions } from '../../model/kernel/component.js';
import type { KernelImage } from '../../model/kernel/image.js';
import type { Outcome } from '../../model/result/outcome.js';

export interface KernelOfCheck {
  name: string;
  release: string | null;
  /** What its command line gets in addition to the lab's own. */
  cmdline: string;
  /** As it was built; its command line may change that. */
  versions: ComponentVersions[];
  /** The versions are all there are. */
  known: boolean;
  /** What could not be found out, and why. */
  notes: string[];
}

export interface CheckReport extends PairCheck {
  schema: 1;
  from: KernelOfCheck;
  to: KernelOfCheck;
  /**
   * `predicted`: what a run of it is foretold to end in, all of its updates and what it does itself included; null
   * where that is not known.
   */
  scenario: { name: string; file: string; predicted: Outcome | null } | null;
  /** The update, not the way back: what the exit status says. */
  compatible: boolean | null;
}

/** One pair to check. */
export interface Pair {
  from: KernelImage;
  to: KernelImage;
  cmdlineFrom: string;
  cmdlineTo: string;
  scenario: CheckReport['scenario'];
  uses: readonly Use[] | null;
  objectNeeds: number | null;
  memory?: CheckInput['memory'];
}

export function reportOf(pair: Pair): CheckReport {
  const check = checkPair(pair);
  return {
    schema: 1,
    from: kernelOf(pair.from, pair.cmdlineFrom),
    to: kernelOf(pair.to, pair.cmdlineTo),
    scenario: pair.scenario,
    compatible: check.update.compatible,
    ...check,
  };
}

function kernelOf(kernel: KernelImage, cmdline: string): KernelOfCheck {
  const { name, release, versions, known, notes } = kernel;
  return {
    name,
    release,
    cmdline,
    versions,
    known,
    notes: [...notes, ...(isUnseen(kernel, 'kexec-metadata') ? [UNSEEN] : [])],
  };
}

/** Only a kernel with a list of its own tells of it. */
const UNSEEN =
  'kexec-metadata is not known: its version is a number, and in no string of the image; a difference does no harm';
