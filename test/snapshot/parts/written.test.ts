// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { OpenMemory } from '../../../src/qemu/memory.js';
import { StagedMemory } from '../../../src/snapshot/parts/staged-memory.js';
import { type Stage, Way } from '../../../src/snapshot/parts/way.js';
import { Written } from '../../../src/snapshot/parts/written.js';

it('what was written shows wherever a read overlaps it, the last write on top', () => {
  const written = new Written();
  written.add(10, Uint8Array.of(1, 2, 3, 4));
  written.add(12, Uint8Array.of(9));
  const read = (phys: number, length: number) => {
    const into = new Uint8Array(length);
    written.over(phys, into);
    return [...into];
  };
  expect(read(8, 8)).toEqual([0, 0, 1, 2, 9, 4, 0, 0]);
  expect(read(13, 2)).toEqual([4, 0]);
  expect(read(14, 2)).toEqual([0, 0]);
  expect(read(6, 4)).toEqual([0, 0, 0, 0]);
  expect(read(6, 5)).toEqual([0, 0, 0, 0, 1]);
});

/** Memory of one byte in each place. */
function memoryOf(fill: number): OpenMemory & { writes: [number, number[]][] } {
  const writes: [number, number[]][] = [];
  return {
    writes,
    ranges: [{ start: 0, end: 4096, offset: 0 }],
    path: '',
    end: 4096,
    size: 4096,
    read: (_, into) => (into.fill(fill), true),
    readU64: () => null,
    write: (phys, from) => (writes.push([phys, [...from]]), true),
    outlive: () => undefined,
    close: () => undefined,
  };
}

it('a fault at the jump changes the machine, and shows in what the run still sees of the jump', async () => {
  const jump: Stage = { rung: 'jump', console: 0, marks: 0, seen: { memory: memoryOf(1), registers: '' } };
  const open: Stage = { rung: 'open', console: 0, marks: 0, seen: null };
  const way = new Way([jump, open], { reached: () => undefined, release: async () => undefined });
  const machine = memoryOf(2);
  const memory = new StagedMemory(machine, way);
  const read = () => {
    const into = new Uint8Array(3);
    memory.read(100, into);
    return [...into];
  };
  // Before the jump all that the run writes is in the saved memory already.
  expect(memory.write(101, Uint8Array.of(7))).toBe(true);
  expect([read(), machine.writes]).toEqual([[1, 1, 1], []]);
  way.reach();
  memory.write(101, Uint8Array.of(7));
  expect([read(), machine.writes]).toEqual([[1, 7, 1], [[101, [7]]]]);
  await way.leave();
  // The machine's own memory, at the rung where it stands.
  expect(read()).toEqual([2, 2, 2]);
});
