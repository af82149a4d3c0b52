// SPDX-License-Identifier: Apache-2.0
// A hostile handover: every walk ends soon, and throws only HandoverError.
import { describe, expect, it } from 'vitest';
import { describeHandover, dumpHandover, findPlace, HandoverError, PageCache } from '../../src/handover/index.js';
import { parsePlace, PLACE_TEMPLATES } from '../../src/scenario/validate/place.js';
import { AT, packedWorld, treeWorld, type World } from './world.js';

const PAGE = 4096;
const PLACES = PLACE_TEMPLATES.map((template) =>
  template
    .replace('SESSION/FILE', 'vm0/7')
    .replace('SESSION', 'vm0')
    .replace('NAME', template.startsWith('kho') ? 'LUO' : 'log')
    .replaceAll('N]', '4]'),
);

function random(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
}

/** Walks to every place; rethrows all errors but HandoverError. */
function walkAll({ source, memory }: World): void {
  memory.reads = 0;
  for (const text of PLACES) {
    const parsed = parsePlace(text);
    if ('message' in parsed) throw new Error(`${text}: ${parsed.message}`);
    quietly(() => findPlace(source, parsed.place));
  }
  quietly(() => describeHandover(source));
  // A dump records problems and throws nothing.
  dumpHandover({ ...source, read: new PageCache(source.read).read });
  expect(memory.reads).toBeLessThan(2_000_000);
}

function quietly(body: () => unknown): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof HandoverError)) throw error;
  }
}

/** Values that could do harm: nothing, everything, itself, another structure, just too large. */
const EVIL = [
  0n,
  1n,
  2n,
  7n,
  0xffn,
  52n,
  0xffffn,
  0xffff_ffffn,
  0xffff_ffff_ffff_ffffn,
  1n << 52n,
  (16n << 20n) - 4096n,
  16n << 20n,
  ...Object.values(AT).map((frame) => BigInt(frame * PAGE)),
];

describe.each([
  ['blocks', packedWorld],
  ['arrays', treeWorld],
] as const)('%s', (_, make) => {
  const frames = [...Object.values(AT), ...Array.from({ length: 12 }, (__, i) => AT.map + i)];

  it('with any one word changed', { timeout: 120_000 }, () => {
    const next = random(7);
    for (const frame of frames) {
      for (let at = 0; at < 256; at += 8) {
        const world = make();
        if (world.memory.readU64(frame * PAGE + at) === 0n && next() % 4 !== 0) continue;
        world.memory.writeU64(frame * PAGE + at, EVIL[next() % EVIL.length] as bigint);
        walkAll(world);
      }
    }
  });

  it('with many words changed', { timeout: 120_000 }, () => {
    const next = random(11);
    for (let round = 0; round < 300; round++) {
      const world = make();
      for (let i = 0; i < 1 + (next() % 12); i++) {
        const phys = (frames[next() % frames.length] as number) * PAGE + (next() % 40) * 8;
        world.memory.writeU64(
          phys,
          next() % 3 === 0 ? (BigInt(next()) << 32n) | BigInt(next()) : (EVIL[next() % EVIL.length] as bigint),
        );
      }
      walkAll(world);
    }
  });

  it('with pages of noise', () => {
    for (const frame of frames) {
      const world = make();
      const next = random(frame);
      world.memory.write(
        frame * PAGE,
        Uint8Array.from({ length: PAGE }, () => next() >>> 24),
      );
      walkAll(world);
    }
  });

  it('in memory that cannot be read', () => {
    const { source } = make();
    const blind = { ...source, read: () => false };
    for (const text of PLACES) {
      const parsed = parsePlace(text);
      if ('place' in parsed && text !== 'kho.root')
        expect(() => findPlace(blind, parsed.place), text).toThrow(HandoverError);
    }
  });

  it('read without any layouts', () => {
    const { source } = make();
    quietly(() => describeHandover({ ...source, structures: [] }));
    for (const text of PLACES) {
      const parsed = parsePlace(text);
      if ('place' in parsed) quietly(() => findPlace({ ...source, structures: [] }, parsed.place));
    }
  });
});

it('reads one page fast although the file claims billions of folios', () => {
  const world = packedWorld();
  world.memory.writeU64(AT.memfd * PAGE + 24, 0xffff_ffff_ffffn);
  const parsed = parsePlace('content[vm0/7].page[4000000000]');
  if ('message' in parsed) throw new Error(parsed.message);
  expect(() => findPlace(world.source, parsed.place)).toThrow(HandoverError);
  expect(world.memory.reads).toBeLessThan(100_000);
});
