// SPDX-License-Identifier: Apache-2.0
// What a bundle from a stranger may do on this host: boot kernels in an isolated machine, and nothing else. A scenario
// that wants more is refused.
import { definedKernels, type prebuiltKernel } from '../../images/index.js';
import type { Result } from '../../model/result/result.js';
import { LabError } from '../../util/errors.js';
import { printable } from '../../util/text/escape.js';
import { scenarioOf, subjectOf } from '../rerun/subject.js';

/** The unpacked run of a bundle. */
export interface BundledRun {
  /** Folder of the run. */
  run: string;
  result: Result;
  /** The files of a kernel by its SHA-256; null if the bundle does not hold a kernel that boots. */
  kernelFiles: (sha256: string) => Parameters<typeof prebuiltKernel>[1] | null;
}

/** Throws a LabError that lists what of this host the scenario would use. */
export async function refuseForeign({ run, result, kernelFiles }: BundledRun): Promise<void> {
  const subject = await subjectOf(run, result, kernelFiles);
  const { machine, steps } = scenarioOf(subject, {}, () => null);
  const wants: string[] = [];
  if (machine.qemuArgs.length > 0) wants.push(`QEMU options: ${machine.qemuArgs.join(' ')}`);
  for (const step of steps) if (step.op === 'upload') wants.push(`a file of this host: ${step.from}`);
  // A name that is a path would be read on this host.
  for (const { name, files } of subject.kernels)
    if (files === null && !/^[A-Za-z0-9][A-Za-z0-9._+-]*$/.test(name))
      wants.push(`a kernel at a path of this host: ${name}`);
  if (wants.length === 0) return;
  throw new LabError("the bundle's scenario wants to use this host", {
    detail: wants
      .slice(0, 12)
      .map((want) => printable(want, 300))
      .join('\n'),
    hint: '--trust, if you know who made the bundle',
  });
}

/**
 * For a bundle from a stranger, only names that the lab itself defines are looked up. Any other name may be a folder on
 * this host, and its source would be compiled to read its types.
 */
export function mayResolveKernel(kernel: string): boolean {
  return definedKernels().includes(kernel);
}
