// SPDX-License-Identifier: Apache-2.0
// The source files of the code that is watched, from debug information. Code that comes from a header counts to nobody.
import { z } from 'zod';
import type { LineUnit, SourceFunction } from '../../compat/index.js';

export const address = z.number().int().min(0).max(0xffffffff);

export const sourceFile = z.object({
  /** In the source tree. */
  path: z.string(),
  /** Where its functions are defined, in the order of lines. */
  functions: z.array(z.object({ name: z.string(), line: z.number() })),
  /** Line, and where its code lies: start, and end (excluded). In the order of addresses. */
  ranges: z.array(z.tuple([z.number(), address, address])),
});
export type SourceFile = z.infer<typeof sourceFile>;

/** @param functions of each unit, by the offset of its line table */
export function sourceFiles(
  units: readonly LineUnit[],
  functions: ReadonlyMap<number, readonly SourceFunction[]>,
): SourceFile[] {
  const files = new Map<string, SourceFile>();
  for (const { at, files: names, own, rows } of units) {
    const path = names[own];
    if (path === undefined) continue;
    const isOwn = (file: number) => names[file] === path;
    const inTree = pathInTree(path);
    const file = files.get(inTree) ?? { path: inTree, functions: [], ranges: [] };
    files.set(inTree, file);
    for (const { line, address, end, file: of } of rows)
      if (line > 0 && isOwn(of)) file.ranges.push([line, address, end]);
    for (const { name, line, file: of } of functions.get(at) ?? [])
      if (isOwn(of) && !file.functions.some((known) => known.line === line)) file.functions.push({ name, line });
  }
  for (const { ranges, functions: own } of files.values()) {
    ranges.sort((a, b) => a[1] - b[1]);
    own.sort((a, b) => a.line - b.line);
  }
  const named = [...files.values()].filter(({ ranges }) => ranges.length > 0);
  return named.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The path within the source tree; the folder of the build does not matter. */
export function pathInTree(path: string): string {
  return path
    .replace(/^.*\/built\/[^/]+\//, '')
    .replace(/^(?:\.\/)+/, '')
    .replace(/\/\.\//g, '/');
}

/** The function of the source that a line belongs to; null if it lies before the first one. */
export function functionAt(file: SourceFile, line: number): string | null {
  return file.functions.findLast((each) => each.line <= line)?.name ?? null;
}
