// SPDX-License-Identifier: Apache-2.0
import { printable } from '../../util/text/escape.js';

/**
 * Aligned columns with two spaces between them, and none at the end of a line.
 * @param paint colours a cell; row 0 is the first after the head
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  paint: (text: string, row: number, column: number) => string = (text) => text,
): string {
  const all = [head, ...rows].map((row) => row.map((cell) => printable(cell)));
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all
    .map((row, index) => {
      const cells = row.map((cell, column) => {
        const padding = column === row.length - 1 ? '' : ' '.repeat((widths[column] ?? 0) - cell.length);
        return (index === 0 ? cell : paint(cell, index - 1, column)) + padding;
      });
      return `${cells.join('  ')}\n`;
    })
    .join('');
}
