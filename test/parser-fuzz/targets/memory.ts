// SPDX-License-Identifier: Apache-2.0
// Readers of a machine's memory: the handover, device trees, page tables, IOMMU tables, guests.
import {
  describeHandover,
  dumpHandover,
  findPlace,
  HandoverError,
  PageCache,
  readFdt,
} from '../../../src/handover/index.js';
import { atOnce } from '../../../src/util/loop/turns.js';
import { checkChain } from '../../../src/oracles/guest/index.js';
import { walkAmd, walkIntel } from '../../../src/oracles/iommu/index.js';
import { barsOf, capabilities, commandOf, interruptsOf } from '../../../src/oracles/pci/pci.js';
import { kernelRoots, mappings, readLinear } from '../../../src/qemu/pagetable.js';
import { findPageArray, readStructs } from '../../../src/qemu/vmemmap.js';
import { parsePlace, PLACE_TEMPLATES } from '../../../src/scenario/validate/place.js';
import { writeFdt } from '../../handover/memory/make-fdt.js';
import { AT, packedWorld, treeWorld, type World } from '../../handover/world.js';
import { FakeGuest } from '../../oracles/guest/world.js';
import { amd, legacy, scalable, SID } from '../../oracles/iommu/walk/tables.js';
import { FakeMemory, PageTables } from '../../qemu/fake-memory.js';
import { mutateBytes } from '../mutate/bytes.js';
import { type Area, damage, damageMutator } from '../mutate/memory.js';
import type { Target } from '../target.js';

const PLACES = PLACE_TEMPLATES.flatMap((template) => {
  const text = template
    .replace('SESSION/FILE', 'vm0/7')
    .replace('SESSION', 'vm0')
    .replace('NAME', template.startsWith('kho') ? 'LUO' : 'log')
    .replaceAll('N]', '4]');
  const parsed = parsePlace(text);
  return 'message' in parsed ? [] : [parsed.place];
});
const NOTHING = [Buffer.alloc(0)];
const HANDOVER: Area = {
  frames: [...Object.values(AT), ...Array.from({ length: 16 }, (_, i) => AT.map + i)],
  end: 16 << 20,
};

/** Walks to every place, and dumps all. Both have their own budgets. */
function handover(make: () => World) {
  return (input: Buffer): void => {
    const { source, memory } = make();
    damage(input, HANDOVER, (phys, bytes) => memory.write(phys, bytes));
    for (const place of PLACES) quietly(() => findPlace(source, place));
    quietly(() => describeHandover(source));
    dumpHandover({ ...source, read: new PageCache(source.read).read });
  };
}

function quietly(body: () => unknown): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof HandoverError)) throw error;
  }
}

const FDTS = [
  writeFdt({ properties: { compatible: 'kho-v4', 'preserved-memory-map': 0x20000n }, children: [{ name: 'LUO' }] }),
  writeFdt({
    properties: { compatible: 'memblock-v1' },
    children: Array.from({ length: 5 }, (_, i) => ({
      name: `log${i}`,
      properties: { compatible: 'reserve-mem-v1', start: BigInt(i) << 20n, size: 0x2000n },
      children: i === 2 ? [{ name: 'deep', children: [{ name: 'deeper' }] }] : [],
    })),
  }),
];

const TABLES: Area = { frames: Array.from({ length: 14 }, (_, i) => 256 + i), end: 64 << 20 };

function iommu(kind: 'legacy' | 'scalable' | 'amd') {
  return (input: Buffer): void => {
    const world = kind === 'legacy' ? legacy(3) : kind === 'amd' ? amd(6) : scalable((at) => [BigInt(at) | 0x89n, 11n]);
    const { machine, register, table } = world;
    for (let i = 0; i < 20; i++) {
      if (kind === 'amd') machine.amd(table, 6, BigInt(i) << 12n, 0x800000n + BigInt(i) * 0x2000n);
      else machine.second(table, kind === 'legacy' ? 3 : 4, BigInt(i) << 12n, 0x800000 + i * 0x2000);
    }
    damage(input, TABLES, (phys, bytes) => machine.memory.write(phys, bytes));
    // The register comes from the machine, too.
    const shift = input.length === 0 ? 0n : BigInt(input[0] ?? 0) & 0xcn;
    if (kind === 'amd') walkAmd(machine.read, register | (shift << 4n), SID);
    else walkIntel(machine.read, register | (shift << 8n), SID);
  };
}

const BASE = 0xffff_ea00_0000_0000n;
const PAGES: Area = { frames: Array.from({ length: 8 }, (_, i) => 16 + i), end: 16 << 20 };

function pageTables(input: Buffer): void {
  const memory = new FakeMemory(PAGES.end);
  const tables = new PageTables(memory, 16 * 4096, 17 * 4096);
  tables.map(BASE, 2 << 20, 21);
  damage(input, PAGES, (phys, bytes) => memory.write(phys, bytes));
  const registers = { cr3: 16n * 4096n, cr4: (input[3] ?? 0) % 5 === 1 ? 0x10b0n : 0xb0n };
  const array = findPageArray(memory, { registers, variable: BASE + 64n, entry: 64 });
  if (array !== null) readStructs(memory, array, 5, new Uint8Array(4096));
  for (const root of kernelRoots(registers)) {
    mappings(memory, root, BASE, 4 << 20);
    readLinear(memory, root, BASE + 100n, new Uint8Array(9000));
  }
}

const GUEST = { seed: 7, vcpus: 2, pages: 40, devices: 1 };

function guest(input: Buffer): void {
  const made = new FakeGuest(GUEST.seed, GUEST.vcpus, GUEST.pages, GUEST.devices);
  const area = { frames: [0, 0, 0, 0, 13, 14, 18, 20], end: GUEST.pages * 4096 };
  damage(input, area, (phys, bytes) => made.memory.set(bytes, phys));
  atOnce(checkChain(made.read, made.runs, GUEST));
}

const CONFIG = Buffer.alloc(256);
CONFIG.set([0x34, 0x12, 0xe8, 0x11, 0x07, 0x05, 0x10, 0x00], 0);
CONFIG.set([0x00, 0x00, 0xa0, 0xfe], 0x10);
CONFIG[0x34] = 0x40;
CONFIG.set([0x05, 0x50, 0x81, 0x00, 0x00, 0xe0, 0xfe], 0x40);
CONFIG.set([0x11, 0x00, 0x02, 0x80], 0x50);

/** The lab reads 256 bytes, or nothing. */
function pciConfig(bytes: Buffer): void {
  const input = Buffer.alloc(256);
  bytes.copy(input);
  capabilities(input);
  commandOf(input);
  interruptsOf(input);
  barsOf(input, [{ bar: 0, size: 4096 }] as never);
}

const area = (name: string, at: Area, parse: Target['parse'], weight: number): Target => ({
  name,
  seeds: () => NOTHING,
  mutate: damageMutator(at),
  maxBytes: 4096,
  parse,
  weight,
});

export const MEMORY: readonly Target[] = [
  area('handover-packed', HANDOVER, handover(packedWorld), 0.4),
  area('handover-tree', HANDOVER, handover(treeWorld), 0.4),
  area('iommu-legacy', TABLES, iommu('legacy'), 3),
  area('iommu-scalable', TABLES, iommu('scalable'), 10),
  area('iommu-amd', TABLES, iommu('amd'), 1.5),
  area('page-tables', PAGES, pageTables, 10),
  area('guest-chain', { frames: Array.from({ length: 8 }, (_, i) => i), end: 1 << 20 }, guest, 0.4),
  { name: 'fdt', seeds: () => FDTS, mutate: mutateBytes, maxBytes: 65536, parse: readFdt, weight: 25 },
  { name: 'pci-config', seeds: () => [CONFIG], mutate: mutateBytes, maxBytes: 4096, parse: pciConfig, weight: 12 },
];
