// SPDX-License-Identifier: Apache-2.0
// No file of src/ reaches itself through its imports, types included: each can be read with what it imports alone.
import { describe, expect, it } from 'vitest';
import { sourceImports } from './sources.js';

/** Groups of files that reach one another (Tarjan's strongly connected components of more than one file). */
function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const cycles: string[][] = [];
  const visit = (file: string): void => {
    index.set(file, index.size);
    low.set(file, index.get(file) ?? 0);
    stack.push(file);
    for (const next of graph.get(file) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(file, Math.min(low.get(file) ?? 0, low.get(next) ?? 0));
    }
    if (low.get(file) !== index.get(file)) return;
    const group = stack.splice(stack.indexOf(file));
    if (group.length > 1) cycles.push(group.sort());
  };
  for (const file of graph.keys()) if (!index.has(file)) visit(file);
  return cycles;
}

describe('imports between the files of src/', () => {
  it('finds a cycle where there is one', () => {
    const graph = new Map([
      ['a', ['b']],
      ['b', ['c']],
      ['c', ['b']],
    ]);
    expect(cyclesOf(graph)).toEqual([['b', 'c']]);
  });

  it('have no cycle', () => {
    const graph = new Map<string, string[]>();
    for (const { file, target } of sourceImports()) graph.set(file, [...(graph.get(file) ?? []), target]);
    expect(graph.size).toBeGreaterThan(100);
    expect(cyclesOf(graph)).toEqual([]);
  });
});
