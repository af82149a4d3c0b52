// SPDX-License-Identifier: Apache-2.0
// Kernels that are new in a night: no earlier night of the history had them.
import type { Cell } from '../../model/result/matrix.js';
import { printable } from '../../util/text/escape.js';

/** @param before the kernels of earlier nights; null if there was none, and then nothing is new */
export function newKernelsOf(cells: readonly Pick<Cell, 'kernels'>[], before: ReadonlySet<string> | null): string[] {
  if (before === null) return [];
  return [...new Set(cells.flatMap(({ kernels }) => kernels))].filter((name) => !before.has(name));
}

/** One line; none without new kernels. */
export function newKernelLines(names: readonly string[]): string[] {
  if (names.length === 0) return [];
  return [`new ${names.length === 1 ? 'kernel' : 'kernels'}, in no earlier night: ${printable(names.join(', '), 500)}`];
}
