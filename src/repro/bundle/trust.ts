// SPDX-License-Identifier: Apache-2.0
// What a bundle may make this host do: boot kernels in a machine that reaches nothing. A scenario that reaches for more
// is refused.
import { definedKernels } from '../../images/index.js';
import { LabError } from '../../util/errors.js';
import { printable } from '../../util/text/escape.js';
import { scenarioOf, subjectOf } from '../rerun/subject.js';
import type { OpenBundle } from './open.js';

/** Throws a LabError that names what it would use. */
export async function refuseForeign({ run, result, kernelFiles }: OpenBundle): Promise<void> {
  const subject = await subjectOf(run, result, kernelFiles);
  const { machine, steps } = scenarioOf(subject, {}, () => null);
  const wants: string[] = [];
  if (machine.qemuArgs.length > 0) wants.push(`QEMU options: ${machine.qemuArgs.join(' ')}`);
  for (const step of steps) if (step.op === 'upload') wants.push(`a file of this host: ${step.from}`);
  // A path would be read on this host.
  for (const { name, files } of subject.kernels)
    if (files === null && !/^[A-Za-z0-9][A-Za-z0-9._+-]*$/.test(name))
      wants.push(`a kernel at a path of this host: ${name}`);
  if (wants.length === 0) return;
  throw new LabError("the bundle's scenario reaches for this host", {
    detail: wants
      .slice(0, 12)
      .map((want) => printable(want, 300))
      .join('\n'),
    hint: '--trust, only where you know who made the bundle',
  });
}

/**
 * Of a bundle from anybody only names that the lab itself defines are looked up: any other may be a folder here, whose
 * source would be compiled to read its types.
 */
export function mayAsk(kernel: string): boolean {
  return definedKernels().includes(kernel);
}
