// SPDX-License-Identifier: Apache-2.0
// `npm run devices [-- --runs N --only walk|cost|gaps]`: measures the figures of docs/devices.md: the gap of each stock
// pair that is otherwise compatible, the cost of inspecting devices from outside, and the walk through 1 GiB that is
// mapped by single pages.
import { join } from 'node:path';
import { Command } from 'commander';
import type { Result } from '../model/result/result.js';
import { walkIntel } from '../oracles/iommu/index.js';
import { packageRoot } from '../util/package-root.js';
import { run, type Timed } from './run.js';

const PAIRS = [
  ['6.19.11', '6.19.11'],
  ['7.1.13', '7.1.13'],
  ['7.2.12', '7.2.12'],
  ['7.2.12', '7.3.4'],
  ['7.3.4', '7.2.12'],
  ['7.3.4', '7.3.4'],
] as const;
const RECREATE = join(packageRoot(), 'scenarios/devices/edu-recreate.yaml');
const KEEP = join(packageRoot(), 'scenarios/devices/keep.yaml');

const options = new Command('devices')
  .description('measures the figures of docs/devices.md')
  .option('--runs <n>', 'how often each is measured', '3')
  .option('--only <what>', 'walk, cost or gaps')
  .parse()
  .opts<{ runs: string; only?: string }>();
const runs = Number(options.runs);
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
/** Least / median / most. */
const spread = (values: readonly number[], digits: number): string =>
  [Math.min(...values), median(values), Math.max(...values)].map((value) => value.toFixed(digits)).join(' / ');
const inSeconds = (values: readonly number[]): string =>
  spread(
    values.map((ms) => ms / 1000),
    2,
  );

/** Milliseconds from the kexec to user space of the next kernel. The gap is part of this time, and grows with it. */
function jump({ timeline }: Result): number {
  const at = (what: RegExp): number =>
    timeline.find((each) => each.epoch === (what === GOING ? 0 : 1) && what.test(each.what))?.t ?? 0;
  return at(UP) - at(GOING);
}
const GOING = /^kexec$/;
const UP = /^user space of /;

async function gaps(): Promise<void> {
  say('| pair | gap, ms (least / median / most) | of the time from the kexec to user space |\n|---|---|---|');
  for (const [from, to] of PAIRS) {
    const all: Timed[] = [];
    for (let i = 0; i < runs; i++) all.push(await run(RECREATE, { from, to }));
    const ms = all.map(({ result }) => result.iommu?.gapMs ?? 0);
    const shares = all.map(({ result }, i) => (100 * (ms[i] ?? 0)) / jump(result));
    say(`| ${from} to ${to} | ${spread(ms, 0)} | ${median(shares).toFixed(0)} % |`);
  }
  const { result } = await run(KEEP);
  say(`| 7.3.4-keep to itself | ${result.iommu?.gapMs} | – |`);
}

async function cost(): Promise<void> {
  const inspected: number[] = [];
  const plain: number[] = [];
  // Alternate, so that both see the same noise.
  for (let i = 0; i < 2 * runs; i++) {
    inspected.push((await run(RECREATE)).ms);
    plain.push((await run(RECREATE, {}, { deviceLooks: false })).ms);
  }
  const ratios = inspected.map((ms, i) => ms / (plain[i] ?? ms));
  say(
    [
      '\n| | least / median / most |\n|---|---|',
      `| edu-recreate.yaml with all inspections from outside, s | ${inSeconds(inspected)} |`,
      `| the same without, s | ${inSeconds(plain)} |`,
      `| ratio, pair by pair | ${spread(ratios, 2)} |`,
    ].join('\n'),
  );
}

/**
 * Walks tables of VT-d in legacy mode (drivers/iommu/intel/iommu.h, 7.3): 3 levels, 1 GiB at IOVA 0, and no two pages
 * in a row.
 */
function walk(): void {
  const [root, context, top, middle, leaves] = [0x1000, 0x2000, 0x3000, 0x4000, 0x10_0000];
  const memory = Buffer.alloc(leaves + 512 * 4096);
  const entry = (at: number, value: number): void => void memory.writeBigUInt64LE(BigInt(value), at);
  entry(root, context | 1);
  // Slot 5, function 0: page table and present; 39 bits (1), domain 7.
  entry(context + (5 << 3) * 16, top | 1);
  entry(context + (5 << 3) * 16 + 8, 1 | (7 << 8));
  entry(top, middle | 3);
  for (let table = 0; table < 512; table++) {
    entry(middle + table * 8, (leaves + table * 4096) | 3);
    for (let at = 0; at < 512; at++)
      entry(leaves + table * 4096 + at * 8, (0x1000_0000 + ((table * 512 + at) ^ 1) * 4096) | 3);
  }
  const read = (phys: number, into: Uint8Array): boolean => {
    if (phys + into.length > memory.length) return false;
    into.set(memory.subarray(phys, phys + into.length));
    return true;
  };
  const times = Array.from({ length: 2 * runs }, () => {
    const began = performance.now();
    const tables = walkIntel(read, BigInt(root), 5 << 3, { ram: [{ start: 0, end: 2 ** 31 }] });
    const pages = tables.mappings.reduce((sum, { length }) => sum + length / 4096, 0);
    if (pages !== 512 * 512 || !tables.complete)
      throw new Error(`the walk found ${pages} pages: ${tables.problems[0]?.detail ?? tables.state}`);
    return performance.now() - began;
  });
  say(`\nwalk of 1 GiB in pages of 4 KiB, no two in a row: ${inSeconds(times)} s`);
}

const PARTS = { walk, cost, gaps };
const { only } = options;
for (const [name, measure] of Object.entries(PARTS)) if (only === undefined || only === name) await measure();
process.exit(0);
