// SPDX-License-Identifier: Apache-2.0
// Detects a machine that is plainly too small: after the first kernel has reserved its scratch, too little is left for
// the root file system and for loading the next kernel. Such a run would only show that the machine is out of memory.
import { memoryLeft, scratchOptionText } from '../../compat/index.js';
import type { KernelImage } from '../../model/kernel/image.js';
import type { Outcome } from '../../model/result/outcome.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import type { MissingFeature } from './hardware.js';

const MIB = 2 ** 20;
const GOOD: readonly Outcome[] = ['preserved', 'refused'];

/** @param initramfs bytes of the root file system */
export function missingMemory(
  scenario: Scenario,
  kernels: readonly KernelImage[],
  initramfs: number,
): MissingFeature[] {
  const left = memoryLeft(scenario, kernels, initramfs);
  if (left === null) return [];
  // A scenario that expects a failure may give too little memory for its files on purpose.
  const parts = left.parts.filter(({ what }) => what !== 'preserved' || GOOD.includes(scenario.expect.outcome));
  const needs = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  if (left.left >= needs) return [];
  const mib = (bytes: number): number => Math.ceil(bytes / MIB);
  return [
    {
      pos: placeOfMemory(scenario),
      message:
        `a machine of ${mib(scenario.machine.memory)} MiB is ${mib(needs - left.left)} MiB too small: ` +
        `${mib(left.scratch)} MiB become scratch, which leaves ${mib(Math.max(0, left.left))} MiB beside the kernel, ` +
        `and ${mib(needs)} MiB are needed (${parts.map(({ what, bytes }) => `${what} ${mib(bytes)}`).join(', ')})`,
      hint:
        'give it more memory, or the first kernel less scratch ' +
        `(${scratchOptionText(kernels[0]?.release ?? null)} on its command line)`,
    },
  ];
}

/** Where the scenario sets the machine's memory; its first line if it does not. */
function placeOfMemory({ file, source }: Scenario): MissingFeature['pos'] {
  const lines = source.split('\n');
  const at = lines.findIndex((line) => /^[^#]*\bmemory:/.test(line));
  return { file, line: at < 0 ? 1 : at + 1, column: at < 0 ? 1 : (lines[at]?.indexOf('memory:') ?? 0) + 1 };
}
