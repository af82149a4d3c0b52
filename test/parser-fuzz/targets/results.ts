// SPDX-License-Identifier: Apache-2.0
// What runs, matrices and workers leave behind or send: results, cells, jobs, logs, archives, bundles.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { kernelProblem } from '../../../src/cli/run/check-kernels.js';
import { sealedSchema } from '../../../src/matrix/redis/seal/envelope.js';
import { jobBody, progressBody, resultBody } from '../../../src/matrix/redis/messages.js';
import { scenarioOf } from '../../../src/matrix/runner.js';
import type { Result } from '../../../src/model/result/result.js';
import { junit } from '../../../src/report/ci/junit.js';
import { kcidb } from '../../../src/report/ci/kcidb.js';
import { ktap } from '../../../src/report/ci/ktap.js';
import { markdown } from '../../../src/report/ci/markdown.js';
import { runPageText } from '../../../src/report/html/run/index.js';
import { verdictText } from '../../../src/report/text/verdict.js';
import { recipesOf } from '../../../src/repro/rerun/recipe.js';
import { readAttempts, readCellOfRun, readMatrix } from '../../../src/store/matrix/folder.js';
import { type NightlyReport, nightlyReportOfRun, readNightlyReport } from '../../../src/store/matrix/nightly-report.js';
import { readMemoryImage } from '../../../src/store/run/memory-image.js';
import { readConsole, readEvents } from '../../../src/store/run/read-logs.js';
import { readRun } from '../../../src/store/run/read-run.js';
import { attemptOf, cellOf, matrixOf } from '../../store/matrix/matrix.js';
import { mutateBytes } from '../mutate/bytes.js';
import { mutateJsonLines } from '../mutate/lines.js';
import { mutateJson } from '../mutate/tree.js';
import { isRefusal, type Target } from '../target.js';
import { asFile, sampleLines, workFolder } from './samples.js';

/** Writes the input as one file of a folder, and returns the folder. */
function inFolder(name: string, file: string, input: Buffer): string {
  const folder = join(workFolder(), name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, file), input);
  return folder;
}

/** What passes the schema must also be shown by every report. */
function show(result: Result, folder: string): void {
  verdictText(result, folder, { columns: 80 });
  const night = nightlyReportOfRun(folder);
  const of = () => result;
  junit(night, of);
  ktap(night, of);
  kcidb(night, of, 'lab');
  markdown(night, null);
  page(result, folder, night);
}

function page(result: Result, folder: string, night: NightlyReport): void {
  const [attempt] = night.attempts;
  const [pairResult] = night.pairResults;
  if (attempt === undefined || pairResult === undefined) return;
  runPageText({
    run: 'run-1',
    folder,
    result,
    attempt,
    pairResult,
    change: null,
    events: readEvents(folder),
    console: readConsole(folder),
    brief: false,
    budget: 10_000,
    pages: new Set(),
    night: 'night-1',
  });
}

function result(input: Buffer): void {
  const folder = inFolder('run', 'result.json', input);
  const read = readRun(folder);
  if (read.state === 'whole') show(read.result, folder);
}

const MATRIX = matrixOf(['first-update', 'panic', 'lost'].map((name) => cellOf(name)));
const CELLS = MATRIX.cells.map(({ id }) => JSON.stringify(attemptOf(id)));

function matrix(input: Buffer): void {
  const folder = inFolder('matrix', 'matrix.json', input);
  writeFileSync(join(folder, 'cells.jsonl'), `${CELLS.join('\n')}\n`);
  readMatrix(folder);
  const night = readNightlyReport(folder);
  junit(night, () => null);
  markdown(night, null);
}

function cells(input: Buffer): void {
  const folder = inFolder('cells', 'cells.jsonl', input);
  writeFileSync(join(folder, 'matrix.json'), JSON.stringify(MATRIX));
  readAttempts(folder);
  const night = readNightlyReport(folder);
  junit(night, () => null);
  ktap(night, () => null);
  markdown(night, null);
}

const SCENARIO =
  'from: 7.2.12\nto: 7.3.4\nsessions: [{name: vm0, files: [{name: ram, memfd: 4KiB}]}]\nexpect: preserved\n';
const BLOB = { key: 'lab:result:m1/a/1:h', pieces: 1, sha256: 'ab'.repeat(32) };
const IMAGE = { name: 'bzImage', size: 7, sha256: 'ab'.repeat(32) };
const JOB = {
  task: {
    matrix: 'm1',
    cell: MATRIX.cells[0],
    attempt: 1,
    text: SCENARIO,
    cmdlines: ['', ''],
    guestState: null,
    timeout: null,
    memory: 1 << 30,
  },
  images: [{ name: '7.3.4', key: 'ab'.repeat(16), files: [IMAGE], blob: BLOB }],
};
const HEAD = { direction: 'job', queue: 'q', matrix: 'm1', cell: 'a', attempt: 1, nonce: 'cd', issuedAt: 1 };
const JOBS = () => [
  json(JOB),
  json({ job: 'ab'.repeat(32), attempt: attemptOf('a'), archive: BLOB }),
  json({ worker: 'h:1', text: 'boots' }),
  json({ head: HEAD, body: JSON.stringify(JOB), mac: 'ab'.repeat(32) }),
];

/** A job without a signature: its text is data from anybody. */
function job(input: Buffer): void {
  let value: unknown;
  try {
    value = JSON.parse(input.toString('utf8'));
  } catch {
    return;
  }
  sealedSchema.safeParse(value);
  resultBody.safeParse(value);
  progressBody.safeParse(value);
  const checked = jobBody.safeParse(value);
  if (!checked.success) return;
  const rules = [
    ['unsigned', false],
    ['signed', true],
  ] as const;
  for (const [origin, trust] of rules)
    try {
      scenarioOf({ ...checked.data.task, origin }, { kernelProblem, trust });
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
}

const EVENTS = [
  '{"kind":"phase","t":12.5,"epoch":0,"phase":"boot"}',
  '{"kind":"step","t":80,"epoch":1,"step":"retrieve","ok":true,"us":12}',
  '{"kind":"console","t":81,"epoch":1,"finding":{"title":"BUG","severity":"panic"}}',
].join('\n');

function logs(input: Buffer): void {
  const folder = inFolder('logs', 'events.jsonl', input);
  writeFileSync(join(folder, 'console.log'), input);
  readEvents(folder);
  readConsole(folder);
  writeFileSync(join(folder, 'result.json'), RESULTS()[0] ?? '');
  const read = readRun(folder);
  if (read.state === 'whole') page(read.result, folder, nightlyReportOfRun(folder));
}

const RESULTS = () => sampleLines('results.jsonl');

const recipe = (input: Buffer) => recipesOf(inFolder('recipe', 'recipe.json', input));
const FILE = { name: 'a.config', sha256: 'ab'.repeat(32) };
const RECIPE = {
  schema: 1,
  kernels: [
    {
      name: '7.3.4',
      sha256: 'ab'.repeat(32),
      release: '7.3.4-lab',
      config: [FILE],
      patches: [FILE],
      overlay: [],
      built: { source: 'apt', sourceId: 'x', inputs: 'y', compiler: 'gcc 12' },
    },
  ],
};

function memoryImage(): Buffer {
  const head = {
    format: 'lab-memory-image-1',
    moment: 'jump',
    epoch: 0,
    root: 65536,
    pages: 'used',
    ranges: [[0, 1 << 20]],
  };
  const run = Buffer.alloc(12);
  run.writeBigUInt64LE(16n);
  run.writeUInt32LE(2, 8);
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), run, Buffer.alloc(8192, 7), Buffer.alloc(12)]);
}

/** Compressed after the mutation: a damaged gzip says little about the rest. */
function image(input: Buffer): void {
  const packed = (input[0] ?? 0) % 8 === 1 ? input : gzipSync(input, { level: 1 });
  const read = readMemoryImage(asFile('memory.gz', packed), 1 << 20);
  read.read(65536, new Uint8Array(5000));
  for (const { bytes } of read.pages()) if (bytes.length !== 4096) throw new Error('a page of another size');
}

export const RESULT_FILES: readonly Target[] = [
  { name: 'result', seeds: RESULTS, mutate: mutateJson, maxBytes: 65536, parse: result, weight: 0.6 },
  { name: 'matrix', seeds: () => [json(MATRIX)], mutate: mutateJson, maxBytes: 65536, parse: matrix, weight: 0.5 },
  {
    name: 'cells',
    seeds: () => [Buffer.from(CELLS.join('\n'))],
    mutate: mutateJsonLines,
    maxBytes: 65536,
    parse: cells,
    weight: 0.5,
  },
  {
    name: 'cell-of-run',
    seeds: () => [json({ matrix: 'm1', cell: 'c-1', attempt: 1, worker: 'h:1' })],
    mutate: mutateJson,
    maxBytes: 65536,
    parse: (input) => readCellOfRun(inFolder('cell', 'cell.json', input)),
    weight: 2,
  },
  { name: 'job', seeds: JOBS, mutate: mutateJson, maxBytes: 65536, parse: job, weight: 3 },
  {
    name: 'logs',
    seeds: () => [Buffer.from(EVENTS)],
    mutate: mutateJsonLines,
    maxBytes: 65536,
    parse: logs,
    weight: 0.3,
  },
  { name: 'recipe', seeds: () => [json(RECIPE)], mutate: mutateJson, maxBytes: 65536, parse: recipe, weight: 1.5 },
  {
    name: 'memory-image',
    seeds: () => [memoryImage()],
    mutate: mutateBytes,
    maxBytes: 65536,
    parse: image,
    weight: 0.8,
  },
];

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
