// SPDX-License-Identifier: Apache-2.0
// What the series changes in the layout of the handover, as `lab abi diff` does.
import { diffAbi } from '../../compat/index.js';
import { kernelAbi } from '../../images/abi/kernel-abi.js';
import type { TryAbi } from '../../model/series/try.js';
import { inStage } from '../../report/live/progress.js';
import { LabError } from '../../util/errors.js';
import { diffText } from '../commands/abi.js';
import { showAll } from '../common/show-progress.js';

const MAX_LINES = 60;

/** A format that cannot be read is no verdict: the report says why. */
export async function abiOf(base: string, patched: string, signal: AbortSignal): Promise<TryAbi> {
  try {
    const [before, after] = await inStage(
      'handover formats',
      async (task) => {
        const context = { signal, ...showAll(task) };
        return [await kernelAbi(base, [], context), await kernelAbi(patched, [], context)] as const;
      },
      process.stderr,
    );
    const diff = diffAbi(before, after);
    const lines = diffText(diff)
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(1);
    return { ok: diff.ok, lines: lines.slice(0, MAX_LINES) };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof LabError)) throw error;
    return { ok: null, lines: [`not known: ${error.message}`] };
  }
}
