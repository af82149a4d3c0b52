// SPDX-License-Identifier: Apache-2.0
// Made-up nights of realistic size, for tests and measurements of the history and the report. The same seed gives the
// same night. They are not evidence of anything, and only go to temporary folders.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Attempt, Cell, Matrix } from '../model/result/matrix.js';
import { ENDS_IN, type Outcome } from '../model/result/outcome.js';
import type { Incident } from '../model/result/incident.js';
import { RESULT_SCHEMA, type KernelOfResult, type Result } from '../model/result/result.js';
import { consoleOf } from './synthetic-console.js';

export interface SyntheticNight {
  /** Folder of the results. */
  results: string;
  /** The same seed gives the same night. */
  seed: number;
  /** Number of the night, from 0. Later nights have other failures. */
  night: number;
  kernels: readonly string[];
  scenarios: number;
  repeats?: number;
  /** Also write console.log and events.jsonl, which a report reads. */
  logs?: boolean;
}

const DAY_MS = 86_400_000;
const FIRST_NIGHT = Date.UTC(2026, 0, 1, 22);
const CELL_MS = 6000;
const FAULTS: readonly { outcome: Outcome; title: string }[] = [
  { outcome: 'panic', title: 'Kernel panic: LUO: The incoming tree failed to initialize properly [-EINVAL]' },
  { outcome: 'lost', title: "KHO: handover FDT is incompatible with 'kho-v4'" },
  { outcome: 'leak', title: 'memfd is leaked' },
  { outcome: 'corrupt', title: 'memfd is corrupt' },
  { outcome: 'hang', title: 'no readiness mark of the next kernel' },
];

const DEVICES = Array.from({ length: 30 }, (_, index) => `  -device made-up,id=part${index},property=value \\\n`).join(
  '',
);

/** A number from 0 to 1 that depends only on the words. */
function chance(...words: (string | number)[]): number {
  return createHash('sha256').update(words.join('|')).digest().readUInt32BE(0) / 2 ** 32;
}

/** Writes one night: a folder for each run, and the matrix. Returns the matrix. */
export function writeNight({
  results,
  seed,
  night,
  kernels,
  scenarios,
  repeats = 1,
  logs = false,
}: SyntheticNight): Matrix {
  const started = FIRST_NIGHT + night * DAY_MS;
  const id = `${stamp(started)}-matrix-nightly-${hex(seed, night)}`;
  const cells: Cell[] = [];
  const attempts: Attempt[] = [];
  for (let number = 0; number < scenarios; number++) {
    for (const from of kernels) {
      for (const to of kernels) {
        for (let repeat = 1; repeat <= repeats; repeat++) {
          const scenario = `scenarios/made-up/s${String(number).padStart(3, '0')}.yaml`;
          const cell: Cell = {
            id: hex(scenario, from, to, repeat),
            scenario,
            tags: [],
            kernels: [from, to],
            repeat,
            expected: { outcome: expectedOf(seed, scenario, from, to), endsIn: null, source: 'scenario' },
          };
          const at = started + cells.length * CELL_MS;
          const result = resultOf(seed, night, cell, at);
          attempts.push(attemptOf(cell, result));
          cells.push(cell);
          writeRun(join(results, result.id), result, { logs });
        }
      }
    }
  }
  const matrix: Matrix = {
    schema: 1,
    id,
    plan: 'scenarios/matrix/nightly.yaml',
    planSha256: hex(seed).padEnd(64, '0'),
    labVersion: '0.1.0',
    startedAt: new Date(started).toISOString(),
    endedAt: new Date(started + cells.length * CELL_MS).toISOString(),
    cells,
  };
  mkdirSync(join(results, id), { recursive: true });
  writeFileSync(join(results, id, 'matrix.json'), `${JSON.stringify(matrix)}\n`);
  writeFileSync(join(results, id, 'cells.jsonl'), attempts.map((attempt) => `${JSON.stringify(attempt)}\n`).join(''));
  return matrix;
}

function expectedOf(seed: number, scenario: string, from: string, to: string): Outcome {
  return chance(seed, 'expected', scenario, from, to) < 0.7
    ? 'preserved'
    : (FAULTS[Math.floor(chance(seed, 'fault', scenario, from, to) * FAULTS.length)]?.outcome ?? 'lost');
}

/** Some pair results fail for some nights in a row, others now and then. */
function outcomeOf(
  seed: number,
  night: number,
  { scenario, kernels, expected, repeat }: Cell,
): { outcome: Outcome; title: string | null } {
  const key = [scenario, ...kernels].join('|');
  const first = Math.floor(chance(seed, 'first', key) * 60);
  const broken =
    chance(seed, 'breaks', key) < 0.05 && night >= first && night < first + 1 + chance(seed, 'length', key) * 20;
  const shaky = chance(seed, 'shaky', key) < 0.005 && chance(seed, 'shakes', key, night, repeat) < 0.3;
  const fault = FAULTS[Math.floor(chance(seed, 'which', key) * FAULTS.length)];
  if ((broken || shaky) && fault !== undefined && fault.outcome !== expected.outcome) return fault;
  return {
    outcome: expected.outcome,
    title: FAULTS.find(({ outcome }) => outcome === expected.outcome)?.title ?? null,
  };
}

function resultOf(seed: number, night: number, cell: Cell, at: number): Result {
  const { outcome, title } = outcomeOf(seed, night, cell);
  const total = 4000 + Math.round(chance(seed, night, cell.id) * 3000);
  const kernels = cell.kernels.map(kernelOf);
  const name = cell.scenario.replace(/^.*\/|\.yaml$/g, '');
  const cause: Incident | null =
    title === null
      ? null
      : {
          source: 'console',
          side: 'inside',
          implies: outcome,
          title,
          detail: `[    0.000000] ${title}`,
          epoch: 1,
          t: total * 0.7,
        };
  const incidents: Incident[] =
    cause === null
      ? []
      : [
          cause,
          {
            source: 'memory',
            side: 'outside',
            implies: outcome,
            title: `memfd is ${outcome}`,
            detail: 'vm0/ram (session vm0, token 1, 16384 pages): not retrieved',
            epoch: 1,
            t: total * 0.95,
          },
        ];
  const good = outcome === 'preserved';
  return {
    schema: RESULT_SCHEMA,
    attempts: [],
    witnesses: {},
    taint: null,
    handedOver: [],
    snapshot: { none: 'made up' },
    id: `${stamp(at)}-${name}-${cell.kernels.join('-')}-${hex(seed, night, cell.id).slice(0, 4)}`,
    scenario: { name, description: 'made up', tags: ['made-up'], file: cell.scenario },
    from: kernels[0] as KernelOfResult,
    to: kernels.at(-1) as KernelOfResult,
    kernels,
    policy: 'force',
    outcome,
    endsIn: ENDS_IN[outcome],
    cause,
    expected: cell.expected.outcome,
    expectedEndsIn: null,
    asExpected: outcome === cell.expected.outcome,
    predicted: {
      outcome: cell.expected.outcome,
      endsIn: ENDS_IN[cell.expected.outcome],
      where: null,
      component: null,
      signs: [],
      mismatches: [],
      reasons: ['made up'],
      hit: true,
    },
    mismatches:
      outcome === 'lost'
        ? [{ component: 'kho', wrote: 3, reads: [4], endsIn: 'reboot', source: 'run', detail: title ?? '' }]
        : [],
    resources: Array.from({ length: 3 }, (_, index) => ({
      kind: 'memfd' as const,
      name: `vm${index}/ram`,
      session: `vm${index}`,
      token: 1,
      epoch: 1,
      state: good
        ? ('intact' as const)
        : outcome === 'corrupt'
          ? ('corrupt' as const)
          : outcome === 'leak'
            ? ('leaked' as const)
            : ('lost' as const),
      size: 64 << 20,
      pages: 16384,
      hugeKiB: 0,
      inside: good
        ? { pages: 16384, bad: 0, size: 64 << 20, position: 0, seals: [], blocks: 131072, object: null }
        : null,
      outside: { pages: 16384, different: good ? 0 : 1777, overwritten: good ? 0 : 1777, readable: good ? 0 : 14607 },
      problems: good ? [] : ['not retrieved'],
    })),
    devices: [],
    iommu: null,
    guests: [],
    downtime: [],
    impaired: null,
    recovery: null,
    cases: [],
    incidents,
    memory: {
      pagesPreserved: 49152,
      pagesIntact: good ? 49152 : 0,
      pagesLeaked: 0,
      pagesLost: good ? 0 : 49152,
      pagesCorrupt: 0,
      updates: [
        {
          epoch: 1,
          markedOnArrival: 49400,
          markedAtEnd: 3,
          baseline: [{ what: 'KHO root tree', phys: '0x221e000', pages: 1 }],
          map: [
            { phys: '0x2d98000', pages: 49152, state: good ? 'intact' : 'lost' },
            { phys: '0x221e000', pages: 1, state: 'own' },
          ],
          mapLeftOut: 0,
        },
      ],
    },
    timeline: timelineOf(cell.kernels, total),
    qemu: {
      version: '7.2.22',
      accel: 'tcg',
      commandLine: `mkdir -p /tmp/lab-made-up\nqemu-system-x86_64 \\\n${DEVICES}`,
      sandbox: { kind: 'bwrap', user: 'own', why: null, command: ['bwrap'] },
    },
    durations: { total },
    lab: { cpuMs: 700, peakRssKiB: 90_000, loopDelay: { p99: 4, max: 60 } },
    versions: { lab: '0.1.0', node: 'v20.0.0' },
    startedAt: new Date(at).toISOString(),
  };
}

function timelineOf([from, to]: readonly string[], total: number): Result['timeline'] {
  const at = (share: number) => Math.round(total * share);
  return [
    { t: at(0.06), epoch: 0, what: `kernel ${from}-lab begins` },
    { t: at(0.27), epoch: 0, what: 'boot: done' },
    { t: at(0.28), epoch: 0, what: `user space of ${from}-lab is up` },
    { t: at(0.47), epoch: 0, what: 'next kernel loaded' },
    { t: at(0.48), epoch: 0, what: 'steps of epoch 0: done' },
    { t: at(0.49), epoch: 0, what: 'kexec' },
    { t: at(0.61), epoch: 1, what: `kernel ${to}-lab begins` },
    { t: at(0.93), epoch: 1, what: `user space of ${to}-lab is up` },
    { t: at(0.99), epoch: 1, what: 'oracles: done' },
  ];
}

function kernelOf(name: string): KernelOfResult {
  const components = ['kho', 'luo', 'memblock', 'memfd', 'reserve-mem', 'kexec-metadata'].map((part, version) => ({
    name: part,
    version: version + 1,
  }));
  return { name, release: `${name}-lab`, components, sha256: createHash('sha256').update(name).digest('hex') };
}

function attemptOf(cell: Cell, { id, outcome, endsIn, asExpected, cause, durations, startedAt }: Result): Attempt {
  return {
    cell: cell.id,
    attempt: 1,
    run: id,
    outcome,
    endsIn,
    asExpected,
    without: [],
    rung: null,
    title: cause?.title ?? null,
    ms: durations['total'] ?? 0,
    startedAt,
    worker: 'host:1',
  };
}

function writeRun(folder: string, result: Result, { logs }: { logs: boolean }): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
  if (!logs) return;
  const { text, crash } = consoleOf(result);
  writeFileSync(join(folder, 'console.log'), text);
  const events = [
    { t: 1000, epoch: 0, kind: 'step', index: 0, op: 'create', target: 'vm0', state: 'done', errno: null, ms: 1 },
    { t: 2400, epoch: 0, kind: 'kexec', state: 'going' },
    ...(crash === null
      ? []
      : [
          {
            t: result.cause?.t ?? 0,
            epoch: 1,
            kind: 'crash',
            title: result.cause?.title ?? '',
            severity: 'kho',
            line: crash,
          },
        ]),
  ];
  writeFileSync(join(folder, 'events.jsonl'), events.map((event) => `${JSON.stringify(event)}\n`).join(''));
}

/** As names of results have it: `20260101-220000`. */
function stamp(at: number): string {
  return new Date(at).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
}

function hex(...words: (string | number)[]): string {
  return createHash('sha256').update(words.join('|')).digest('hex').slice(0, 12);
}
