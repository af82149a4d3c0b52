// SPDX-License-Identifier: Apache-2.0
// The way from the variable kho_out to the page of LUO's FLBs, in the memory of a machine that is not there.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { flbHeader } from '../../../src/run/update/flb-header.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { fakePlan, fakeRecorder, FakeView } from '../../fakes/parts.js';
import { image } from '../../fakes/run.js';
import { type Tree, writeFdt } from '../../handover/memory/make-fdt.js';
import { AT, packedWorld, treeWorld, type World } from '../../handover/world.js';
import { PageTables } from '../../qemu/fake-memory.js';

const PAGE = 4096;
const TABLES = 0x40_0000;
const DIRECT = 0xffff_8880_0000_0000n;
const KHO_OUT = 0xffff_ffff_8200_0040n;
const VARIABLE = 0x60_0000;
const POINTER = DIRECT + BigInt(AT.root * PAGE);
const FLBS = BigInt(AT.luo * PAGE + 24);

const dir = mkdtempSync(join(tmpdir(), 'flb-header-'));
const systemMap = join(dir, 'System.map');
writeFileSync(systemMap, `${KHO_OUT.toString(16)} b kho_out\n`);
afterAll(() => rmSync(dir, { recursive: true }));

interface Kernel {
  /** Words of `kho_out`, by their offset. */
  words?: Record<number, bigint>;
  map?: string | null;
  /** CR3 as the vCPU has it. */
  cr3?: bigint | null;
}

function find({ memory }: World, kernel: Kernel = {}): Promise<number | null> {
  const { words = { 8: POINTER }, map = systemMap, cr3 = BigInt(TABLES) } = kernel;
  const tables = new PageTables(memory, TABLES, TABLES + 2 * PAGE);
  tables.map(DIRECT, 0, 21);
  tables.map(KHO_OUT - 0x40n, VARIABLE);
  for (const [offset, value] of Object.entries(words)) memory.writeU64(VARIABLE + 0x40 + Number(offset), value);
  const scenario = parseScenario('from: a\nto: b\nsessions: [{name: s}]\n', 'x.yaml');
  return flbHeader({
    view: new FakeView(memory, [], cr3 === null ? null : { cr3, cr4: 0n, idtBase: 0n, idtLimit: 0 }),
    recorder: fakeRecorder().recorder,
    plan: fakePlan(scenario, { kernels: [{ ...image('a'), systemMap: map }] }),
  });
}

/** 6.19 to 7.1: LUO's own tree names the page. */
function oldWorld(flb: Tree = { name: 'luo-flb', properties: { 'luo-flb-header': BigInt(AT.flbs * PAGE) } }): World {
  const world = treeWorld();
  world.memory.write(
    AT.luo * PAGE,
    writeFdt({ properties: { compatible: 'luo-v1' }, children: [{ name: 'luo-session' }, flb] }),
  );
  return world;
}

describe('the FLB header', () => {
  it('is where the packed LUO state of 7.2 says', async () => {
    expect(await find(packedWorld())).toBe(AT.flbs);
  });

  it('is where the LUO tree of 6.19 says', async () => {
    expect(await find(oldWorld())).toBe(AT.flbs);
  });

  it('is found past words that lead elsewhere, and from the tables of user space', async () => {
    const words = {
      0: POINTER + 8n,
      8: BigInt(AT.root * PAGE),
      16: DIRECT + BigInt(AT.luo * PAGE),
      24: DIRECT + 0x1000_0000n,
      32: DIRECT + BigInt(AT.memblock * PAGE),
      248: POINTER,
    };
    expect(await find(packedWorld(), { words, cr3: BigInt(TABLES + PAGE) })).toBe(AT.flbs);
  });

  it.each<[string, Kernel]>([
    ['there is no System.map', { map: null }],
    ['System.map does not name kho_out', { map: new URL('../../fakes/System.map', import.meta.url).pathname }],
    ['no vCPU runs the kernel', { cr3: null }],
    ['kho_out is not mapped', { cr3: 0x70_0000n }],
    ['the pointer lies behind the searched bytes', { words: { 256: POINTER } }],
  ])('is unknown if %s', async (_, kernel) => {
    expect(await find(packedWorld(), kernel)).toBeNull();
  });

  it.each<[string, bigint]>([
    ['nothing', 0n],
    ['the middle of a page', BigInt(AT.flbs * PAGE + 8)],
    ['more than a number holds', (1n << 60n) | BigInt(AT.flbs * PAGE)],
  ])('is unknown if a kernel of 7.2 points to %s', async (_, value) => {
    const world = packedWorld();
    world.memory.writeU64(Number(FLBS), value);
    expect(await find(world)).toBeNull();
  });

  it.each<[string, Tree]>([
    ['has no node for FLBs', { name: 'other', properties: { 'luo-flb-header': BigInt(AT.flbs * PAGE) } }],
    ['does not name the page', { name: 'luo-flb' }],
    ['names it in four bytes', { name: 'luo-flb', properties: { 'luo-flb-header': Uint8Array.of(0, 0x80, 1, 0) } }],
    ['names the middle of a page', { name: 'luo-flb', properties: { 'luo-flb-header': 0x1_8008n } }],
  ])("is unknown if LUO's tree %s", async (_, flb) => {
    expect(await find(oldWorld(flb))).toBeNull();
  });

  it.each<[string, Tree]>([
    ['is of another kind', { properties: { compatible: 'linux,dummy' }, children: [luoAt(AT.luo * PAGE)] }],
    ['has no LUO', { properties: { compatible: 'kho-v4' } }],
    ['has LUO behind the end of memory', { properties: { compatible: 'kho-v4' }, children: [luoAt(2 ** 40)] }],
    ['has LUO at the last bytes of memory', { properties: { compatible: 'kho-v4' }, children: [luoAt(2 ** 24 - 8)] }],
    ['leads to itself', { properties: { compatible: 'kho-v4' }, children: [luoAt(AT.root * PAGE)] }],
  ])('is unknown if the root tree %s', async (_, tree) => {
    const world = packedWorld();
    world.memory.write(AT.root * PAGE, new Uint8Array(PAGE));
    world.memory.write(AT.root * PAGE, writeFdt(tree));
    expect(await find(world)).toBeNull();
  });
});

function luoAt(phys: number): Tree {
  return { name: 'LUO', properties: { 'preserved-data': BigInt(phys) } };
}
