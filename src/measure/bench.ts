// SPDX-License-Identifier: Apache-2.0
// `npm run bench`: measures the figures of docs/performance.md in one run on this machine. Machines are shared, so
// speed is the ratio of two things that are measured side by side. `--runs N` repeats; `--cold` and `--variant` add the
// figures that take minutes.
import { mkdirSync, openSync, readSync, rmSync, writeFileSync, closeSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { ensureKernel, ensureRootFs } from '../images/index.js';
import type { Result } from '../model/result/result.js';
import { rungOf } from '../model/result/snapshot.js';
import { inspectOutside } from '../oracles/files/outside.js';
import { inspectPageCache } from '../oracles/pages/page-cache.js';
import { atOnce } from '../util/loop/turns.js';
import { PAGE, Pattern } from '../oracles/files/pattern.js';
import { packageRoot } from '../util/package-root.js';
import { makeTemp, trackTemp } from '../util/process/reaper.js';
import { prepareFloor, runFloor } from './floor.js';
import { resultOf, runLab } from './lab.js';

const SCENARIO = join(packageRoot(), 'scenarios/first-update.yaml');
const options = new Command('bench')
  .description('measures the figures of docs/performance.md')
  .option('--runs <n>', 'how often each is measured', '5')
  .option('--cold', 'how long a first run takes with nothing built (minutes)')
  .option('--variant', 'how long another variant of a built kernel takes (minutes)')
  .parse()
  .opts<{ runs: string; cold?: true; variant?: true }>();
const runs = Number(options.runs);
const dir = makeTemp(join(tmpdir(), 'lab-bench-'));

interface LabTime {
  ms: number;
  result: Result;
}

async function runScenario(
  scenario: string,
  { env = {}, words: more = [] }: { env?: Record<string, string>; words?: string[] } = {},
): Promise<LabTime> {
  const began = performance.now();
  const words = ['run', scenario, '--json', '--accel', 'tcg', '--results', join(dir, 'results'), ...more];
  const ended = await runLab(words, { env });
  if (ended.code !== 0) throw new Error(`lab run ended with ${ended.code}:\n${ended.stderr}`);
  return { ms: performance.now() - began, result: resultOf(ended) };
}

function spread(values: readonly number[]): { min: number; median: number; max: number } {
  const sorted = [...values].sort((a, b) => a - b);
  return { min: sorted[0] ?? 0, median: sorted[Math.floor(sorted.length / 2)] ?? 0, max: sorted.at(-1) ?? 0 };
}

function row(what: string, { min, median, max }: ReturnType<typeof spread>, unit: string, digits = 2): void {
  const values = [min, median, max].map((value) => value.toFixed(digits)).join(' / ');
  process.stdout.write(`| ${what} | ${values}${unit === '' ? '' : ` ${unit}`} |\n`);
}

/** First the run from a snapshot, which the first of all runs saves, then the same from a boot. */
async function update(): Promise<void> {
  const context = { signal: new AbortController().signal, onProgress: () => undefined };
  const [from, to] = [await ensureKernel('7.2.12', context), await ensureKernel('7.3.4', context)];
  await ensureRootFs(context);
  const floor = await prepareFloor(dir, from, to);
  await runScenario(SCENARIO);
  const floors: number[] = [];
  const warm: LabTime[] = [];
  const cold: LabTime[] = [];
  // Alternate, so that all see the same noise.
  for (let i = 0; i < runs; i++) {
    floors.push(await runFloor(floor));
    warm.push(await runScenario(SCENARIO));
    cold.push(await runScenario(SCENARIO, { words: ['--cold'] }));
  }
  const ratios = (labs: readonly LabTime[]) => spread(labs.map(({ ms }, i) => ms / (floors[i] as number)));
  row('floor: bare init, QEMU alone', spread(floors.map((ms) => ms / 1000)), 's');
  for (const [labs, what] of [
    [warm, `\`lab run scenarios/first-update.yaml\`, from ${rungOf((warm[0] as LabTime).result) ?? 'no snapshot'}`],
    [cold, 'the same with `--cold`'],
  ] as const) {
    row(`${what}, whole process`, spread(labs.map(({ ms }) => ms / 1000)), 's');
    row('its ratio to the floor, pair by pair', ratios(labs), '');
    row("the lab's own CPU", spread(labs.map(({ result }) => result.lab.cpuMs / 1000)), 's');
  }
  row(
    "peak memory of the lab's process, 1 GiB machine",
    spread(cold.map(({ result }) => result.lab.peakRssKiB / 1024)),
    'MiB',
    0,
  );
}

/** Measures `lab check` of a pair whose kernels are built, as a whole process. */
async function check(): Promise<void> {
  const times: number[] = [];
  for (let i = 0; i < 2 * runs + 1; i++) {
    const began = performance.now();
    const { code, stderr } = await runLab(['check', '--from', '7.2.12', '--to', '7.3.4']);
    if (code !== 0) throw new Error(`lab check ended with ${code}:\n${stderr}`);
    times.push((performance.now() - began) / 1000);
  }
  // The first run may have read the program from the disk.
  row('`lab check`, built images, whole process', spread(times.slice(1)), 's');
}

async function largeMachine(): Promise<void> {
  const scenario = join(dir, 'large.yaml');
  writeFileSync(
    scenario,
    'name: large\nfrom: 7.2.12\nto: 7.3.4\nmachine: {memory: 4GiB}\n' +
      'sessions: [{name: vm0, files: [{name: ram, memfd: 2GiB}]}]\nexpect: preserved\n',
  );
  const { result } = await runScenario(scenario);
  row(
    "peak memory of the lab's process, 4 GiB machine, 2 GiB preserved",
    spread([result.lab.peakRssKiB / 1024]),
    'MiB',
    0,
  );
}

/** Compares content page by page. It is read from a file in memory, like the RAM of a machine. */
function pageOracle(): void {
  const pattern = new Pattern({ size: 256 << 20, seed: 7, holes: [] });
  const path = join('/dev/shm', `lab-bench-${process.pid}`);
  trackTemp(path);
  const block = Buffer.concat(Array.from({ length: pattern.pages }, (_, page) => pattern.page(page)));
  writeFileSync(path, block);
  const fd = openSync(path, 'r');
  const read = (phys: number, into: Uint8Array) => readSync(fd, into, 0, into.length, phys) === into.length;
  const speeds = Array.from({ length: 9 }, () => {
    const began = performance.now();
    const look = inspectOutside(read, pattern, [{ page: 0, pfn: 0, count: pattern.pages }]);
    if (look.different > 0) throw new Error('the oracle saw a difference where there is none');
    return (pattern.pages * PAGE) / (1 << 30) / ((performance.now() - began) / 1000);
  });
  closeSync(fd);
  rmSync(path);
  row('page oracle, content from outside', spread(speeds), 'GiB/s');
}

/** Checks an array of `struct page` for the healthy pages of a file of 1 GiB. */
function pageStateOracle(): void {
  const pages = (1 << 30) / PAGE;
  const words = new Uint32Array(16 * pages);
  for (let page = 0; page < pages; page++) {
    words[16 * page] = (1 << 3) | (1 << 4) | (1 << 17);
    words.set([0x1040, 0xffff_8880, page], 16 * page + 6);
    words.set([0xffff_ffff, 1], 16 * page + 12);
  }
  const speeds = Array.from({ length: 9 }, () => {
    const began = performance.now();
    const work = inspectPageCache((pfn) => ({ words, at: 16 * pfn }), {
      runs: [{ page: 0, pfn: 0, count: pages }],
      orders: new Map(),
      isHole: () => false,
      alone: true,
    });
    const look = atOnce(work);
    if (look.problems.length > 0) throw new Error('the oracle saw a problem where there is none');
    return 1 / ((performance.now() - began) / 1000);
  });
  row('page oracle, state of pages from outside', spread(speeds), 'GiB/s');
}

/** From an empty cache to the first verdict, with all host packages installed. */
async function cold(): Promise<void> {
  const { ms } = await runScenario(SCENARIO, { env: { LAB_CACHE: join(dir, 'cache') } });
  row('cold: empty cache to the first verdict', spread([ms / 60_000]), 'min', 1);
}

/** Builds another kernel from a source that was built before: one option differs, ccache has the rest. */
async function variant(): Promise<void> {
  const definitions = join(dir, 'definitions');
  mkdirSync(definitions, { recursive: true });
  writeFileSync(
    join(definitions, 'variant.config'),
    `CONFIG_IKCONFIG=y\nCONFIG_LOG_BUF_SHIFT=${12 + (process.pid % 8)}\n`,
  );
  writeFileSync(
    join(definitions, 'bench-variant.yaml'),
    'description: one option differs\nbase: 7.3.4\nconfig: [./variant.config]\n',
  );
  const began = performance.now();
  const { code, stderr } = await runLab(['images', 'build', 'bench-variant'], { env: { LAB_IMAGES: definitions } });
  if (code !== 0) throw new Error(stderr);
  row('second variant of a built source', spread([(performance.now() - began) / 1000]), 's', 0);
}

process.stdout.write(
  `${cpus().length} x ${cpus()[0]?.model.trim()}, ${(totalmem() / (1 << 30)).toFixed(0)} GiB, ` +
    `Node ${process.version}, ${runs} runs\n\n| what | least / median / most |\n|---|---|\n`,
);
await update();
await check();
await largeMachine();
pageOracle();
pageStateOracle();
if (options.variant === true) await variant();
if (options.cold === true) await cold();
rmSync(dir, { recursive: true, force: true });
process.exit(0);
