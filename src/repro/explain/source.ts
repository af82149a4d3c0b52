// SPDX-License-Identifier: Apache-2.0
// Finds a check in the kernel's source by the message that it prints when it refuses.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type ImageContext, sourceTreeOf } from '../../images/index.js';
import type { Explanation, SourceCheck } from '../../model/result/explanation.js';
import type { KernelOfResult } from '../../model/result/result.js';
import { LabError } from '../../util/errors.js';
import type { CheckRow } from './checks.js';

const MAX_BYTES = 1 << 20;
const AROUND = { before: 5, after: 2 };

/** The check that refused, with its lines of source if this host has the source. */
export async function checkOf(
  row: CheckRow,
  kernel: KernelOfResult,
  mayResolveKernel: (kernel: string) => boolean,
  notes: string[],
  context: ImageContext,
): Promise<Explanation['check']> {
  const tree = !mayResolveKernel(kernel.name)
    ? null
    : await sourceTreeOf(kernel.name, context).catch((error: unknown) => {
        if (error instanceof LabError) return null;
        throw error;
      });
  const source = tree === null ? null : sourceOf(row, tree);
  if (source === null)
    notes.push(
      `the source of ${kernel.name} is not on this host, so the function is that of 7.3 ` +
        `(lab images build ${kernel.name}   fetches it)`,
    );
  return { refuses: row.refuses, function: source?.function || row.function, source };
}

/**
 * Null if the source does not contain the words, for example because it was changed.
 * @param tree source tree of the kernel that printed them
 */
export function sourceOf({ files, words }: Pick<CheckRow, 'files' | 'words'>, tree: string): SourceCheck | null {
  for (const file of files) {
    const path = join(tree, file);
    if (!existsSync(path) || statSync(path).size > MAX_BYTES) continue;
    const lines = readFileSync(path, 'utf8').split('\n');
    const index = lines.findIndex((line) => line.includes(words));
    if (index < 0) continue;
    const first = Math.max(0, index - AROUND.before);
    return {
      file,
      line: index + 1,
      function: functionAround(lines, index),
      first: first + 1,
      lines: lines.slice(first, index + AROUND.after + 1),
    };
  }
  return null;
}

/** The function that contains a line. In kernel style a definition begins in the first column. */
function functionAround(lines: readonly string[], index: number): string {
  for (let at = index; at >= 0; at--) {
    const line = lines[at] ?? '';
    const name = /^[a-z_][\w\s*]*?\b(\w+)\((?!.*;\s*$)/.exec(line)?.[1];
    if (name !== undefined) return name;
  }
  return '';
}
