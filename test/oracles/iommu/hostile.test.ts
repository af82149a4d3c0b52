// SPDX-License-Identifier: Apache-2.0
// Malicious tables: every walk ends soon and never throws.
import { describe, expect, it } from 'vitest';
import { compareTables, type DeviceTables, walkAmd, walkIntel } from '../../../src/oracles/iommu/index.js';
import { amd, legacy, type Machine, MIB, PAGE, random, scalable, SID } from './walk/tables.js';

interface World {
  machine: Machine;
  walk: () => DeviceTables;
}

const WORLDS: readonly [string, () => World][] = [
  [
    'legacy',
    () => {
      const { machine, table, register } = legacy(3);
      for (let i = 0; i < 40; i++) machine.second(table, 3, BigInt(i) << 12n, 0x800000 + i * 0x2000);
      machine.second(table, 3, 1n << 30n, 2 << 20, 2);
      return { machine, walk: () => walkIntel(machine.read, register, SID) };
    },
  ],
  [
    'scalable, second level',
    () => {
      const { machine, table, register } = scalable((at) => [BigInt(at) | 0x89n, 11n]);
      for (let i = 0; i < 40; i++) machine.second(table, 4, BigInt(i) << 12n, 0x800000 + i * 0x2000);
      return { machine, walk: () => walkIntel(machine.read, register, SID) };
    },
  ],
  [
    'scalable, first level',
    () => {
      const { machine, table, register } = scalable((at) => [0x41n, 11n, BigInt(at) | 4n]);
      for (let i = 0; i < 40; i++) machine.first(table, 5, BigInt(i) << 12n, 0x800000 + i * 0x2000);
      return { machine, walk: () => walkIntel(machine.read, register, SID) };
    },
  ],
  [
    'AMD',
    () => {
      const { machine, table, register } = amd(6);
      for (let i = 0; i < 40; i++) machine.amd(table, 6, BigInt(i) << 12n, 0x800000n + BigInt(i) * 0x2000n);
      machine.amd(table, 6, 1n << 30n, 0x1001f000n, 1, 7n);
      return { machine, walk: () => walkAmd(machine.read, register, SID) };
    },
  ],
];

/** Addresses of the tables. */
const FRAMES = Array.from({ length: 14 }, (_, i) => MIB / PAGE + i);
const EVIL = [
  0n,
  1n,
  3n,
  7n,
  0x83n,
  0xfffn,
  0x1003n,
  0x80n,
  0xffff_ffff_ffff_ffffn,
  0x000f_ffff_ffff_f003n,
  0x7fff_ffff_ffff_ffffn,
  ...FRAMES.flatMap((frame) => [
    BigInt(frame * PAGE) | 3n,
    BigInt(frame * PAGE) | (3n << 61n) | 0x201n,
    BigInt(frame * PAGE) | (3n << 61n) | 0x401n,
  ]),
];

function check(world: World): void {
  world.machine.memory.reads = 0;
  const walk = world.walk();
  expect(world.machine.memory.reads).toBeLessThan(20_000);
  expect(walk.problems.length).toBeLessThanOrEqual(64);
  expect(walk.problems.length).toBeLessThanOrEqual(walk.problemCount);
  expect(new Set(walk.tables.map(({ phys }) => phys)).size).toBe(walk.tables.length);
  let end = -1n;
  for (const { iova, phys, length } of walk.mappings) {
    expect(iova >= end && length > 0 && Number.isSafeInteger(phys) && phys + length <= 2 ** 53).toBe(true);
    end = iova + BigInt(length);
  }
  expect(end <= 1n << 64n).toBe(true);
  expect(compareTables(walk, walk)).toMatchObject({ lost: 0, changed: 0, new: 0, rights: 0 });
}

describe.each(WORLDS)('%s', (_, make) => {
  it('is sound at first', () =>
    expect(make().walk()).toMatchObject({ state: 'translated', problemCount: 0, complete: true }));

  it('survives a change of any single word', () => {
    const next = random(3);
    const sound = make().machine;
    for (const frame of FRAMES) {
      for (let at = 0; at < PAGE; at += 8) {
        if (sound.get(frame * PAGE, at / 8) === 0n && next() % 64 !== 0) continue;
        const world = make();
        world.machine.set(frame * PAGE, at / 8, EVIL[next() % EVIL.length] as bigint);
        check(world);
      }
    }
  });

  it('survives flipped bits', () => {
    const next = random(5);
    for (let round = 0; round < 200; round++) {
      const world = make();
      const [table, index] = [
        (FRAMES[next() % 8] as number) * PAGE,
        [0, 1, 2, 0x100, 0x101, 48, 49, 50][next() % 8] as number,
      ];
      world.machine.set(table, index, world.machine.get(table, index) ^ (1n << BigInt(next() % 64)));
      check(world);
    }
  });

  it('survives pages of noise and tables that lead to each other', () => {
    for (let round = 0; round < 40; round++) {
      const world = make();
      const next = random(round);
      for (let n = 0; n < 1 + (next() % FRAMES.length); n++) {
        const frame = FRAMES[next() % FRAMES.length] as number;
        const noise = round % 2 === 0;
        for (let i = 0; i < 512; i++)
          world.machine.set(
            frame * PAGE,
            i,
            noise ? (BigInt(next()) << 32n) | BigInt(next()) : (EVIL[next() % EVIL.length] as bigint),
          );
      }
      check(world);
    }
  });
});

it('stops at its limit if all RAM looks like tables', () => {
  // Every word of 16 MiB leads to another page of it: to a table, and on the last level to a page.
  const next = random(9);
  const words = new BigUint64Array((16 * MIB) / 8).map(() => (BigInt(next() % 4096) << 12n) | 3n);
  const bytes = new Uint8Array(words.buffer);
  const read = (phys: number, into: Uint8Array): boolean => {
    if (phys + into.length > bytes.length) return false;
    into.set(bytes.subarray(phys, phys + into.length));
    return true;
  };
  // The path to the first table is sound.
  words.set([(5n << 12n) | 1n, 0n], 0);
  words.set([(7n << 12n) | 1n, 3n], 5 * 512 + SID * 2);
  const start = performance.now();
  const walk = walkIntel(read, 0n, SID, { maxRuns: 1000 });
  expect(performance.now() - start).toBeLessThan(2000);
  expect(walk).toMatchObject({ state: 'translated', complete: false });
  expect(walk.tables.length).toBeLessThanOrEqual(4096);
  expect(walk.mappings).toHaveLength(1000);
});

it('survives any value of registers and source ids', () => {
  const next = random(13);
  const { machine } = legacy();
  for (let i = 0; i < 500; i++) {
    const register = (BigInt(next()) << 32n) | BigInt(next());
    walkIntel(machine.read, register, next());
    walkAmd(machine.read, register, next());
  }
  expect(walkIntel(() => false, 0n, SID)).toMatchObject({ state: 'broken', problems: [{ kind: 'outside-ram' }] });
});
