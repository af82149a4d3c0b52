// SPDX-License-Identifier: Apache-2.0
// The tracefile of lcov, which genhtml, editors and CI systems read (geninfo(1)).
import type { KernelCode } from '../code/kernel-code.js';
import type { MergedKernel } from './merge.js';
import { functionAt } from '../code/source-files.js';
import { branchesOf } from '../code/tally.js';

/** Paths are those in the source tree: genhtml finds them when it runs there. */
export function lcov(kernels: readonly { merged: MergedKernel; code: KernelCode }[]): string {
  return kernels.map(ofKernel).join('');
}

function ofKernel({ merged, code }: { merged: MergedKernel; code: KernelCode }): string {
  const branches = branchesOf(code, merged.ran);
  const text = (code.files ?? []).map((file) => {
    // How many runs reach each line.
    const counts = new Map<number, number>();
    for (const [line] of file.ranges) counts.set(line, 0);
    for (const { ran } of merged.runs) {
      const reached = new Set(file.ranges.flatMap(([line, start, end]) => (ran.touches(start, end) ? [line] : [])));
      for (const line of reached) counts.set(line, (counts.get(line) ?? 0) + 1);
    }
    const lines = [...counts].sort(([a], [b]) => a - b);
    const functions = file.functions.flatMap(({ name, line }) => {
      const own = lines.filter(([at]) => functionAt(file, at) === name).map(([, count]) => count);
      return own.length === 0 ? [] : [{ name, line, count: Math.max(...own) }];
    });
    const ways = (branches.get(file.path) ?? []).flatMap(({ line, ran, taken, passed }, number) =>
      [taken, passed].map((hit, way) => `BRDA:${line},0,${2 * number + way},${ran ? Number(hit) : '-'}`),
    );
    const hits = (values: readonly boolean[]) => values.filter(Boolean).length;
    return [
      `TN:${code.name.replaceAll(/\W/g, '_')}`,
      `SF:${file.path}`,
      ...functions.map(({ name, line }) => `FN:${line},${name}`),
      ...functions.map(({ name, count }) => `FNDA:${count},${name}`),
      `FNF:${functions.length}`,
      `FNH:${hits(functions.map(({ count }) => count > 0))}`,
      ...ways,
      `BRF:${ways.length}`,
      `BRH:${hits(ways.map((each) => /,[1-9]\d*$/.test(each)))}`,
      ...lines.map(([line, count]) => `DA:${line},${count}`),
      `LF:${lines.length}`,
      `LH:${hits(lines.map(([, count]) => count > 0))}`,
      'end_of_record',
    ].join('\n');
  });
  return text.map((each) => `${each}\n`).join('');
}
