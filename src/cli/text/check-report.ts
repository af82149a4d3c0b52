// SPDX-License-Identifier: Apache-2.0
// What `lab check --json` prints for a pair. Scripts read it: the names stay as they are.
import { type CheckInput, checkPair, isUnseen, type PairCheck, type Use } from '../../compat/index.js';
import type { ComponentVersions } from '../../model/kernel/component.js';
import type { KernelImage } from '../../model/kernel/image.js';
import type { Outcome } from '../../model/result/outcome.js';

export interface KernelOfCheck {
  name: string;
  release: string | null;
  /** Parameters beside the lab's own. */
  cmdline: string;
  /** As the kernel was built; its command line may change them. */
  versions: ComponentVersions[];
  /** `versions` is complete. */
  known: boolean;
  /** What is not known, and why. */
  notes: string[];
}

export interface CheckReport extends PairCheck {
  schema: 1;
  from: KernelOfCheck;
  to: KernelOfCheck;
  /** `predicted`: the outcome of a whole run of the scenario, with all its updates and steps; null if not known. */
  scenario: { name: string; file: string; predicted: Outcome | null } | null;
  /** Of the update, not of the rollback; the exit status follows from it. */
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
  loading?: CheckInput['loading'];
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

/** Only kernels with their own list of versions name this one. */
const UNSEEN =
  'kexec-metadata is not known: its version is a number, not a string in the image; a difference does no harm';
