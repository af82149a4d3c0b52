// SPDX-License-Identifier: Apache-2.0
// A check in a kernel's own source: found by the words that it says when it refuses.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { SourceCheck } from '../../model/result/explanation.js';
import type { CheckRow } from './checks.js';

const MOST_BYTES = 1 << 20;
const AROUND = { before: 5, after: 2 };

/** Null where the source does not have the words, as when it was changed. @param tree of the kernel that said them */
export function sourceOf({ files, words }: Pick<CheckRow, 'files' | 'words'>, tree: string): SourceCheck | null {
  for (const file of files) {
    const path = join(tree, file);
    if (!existsSync(path) || statSync(path).size > MOST_BYTES) continue;
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

/** The definition above a line: in the kernel's style it begins in the first column, and so does its name. */
function functionAround(lines: readonly string[], index: number): string {
  for (let at = index; at >= 0; at--) {
    const line = lines[at] ?? '';
    const name = /^[a-z_][\w\s*]*?\b(\w+)\((?!.*;\s*$)/.exec(line)?.[1];
    if (name !== undefined) return name;
  }
  return '';
}
