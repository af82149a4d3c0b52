// SPDX-License-Identifier: Apache-2.0
// `npm run corpus`: runs labelled scenarios repeatedly and prints the tables of docs/mismatch.md and docs/accuracy.md.
// Every run is recorded at once. A measurement that Ctrl-C or SIGKILL interrupted continues when it is started again.
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { ensureKernel, ensureRootFs } from '../../images/index.js';
import type { Result } from '../../model/result/result.js';
import { rungOf } from '../../model/result/snapshot.js';
import { loadScenario } from '../../scenario/index.js';
import { packageRoot } from '../../util/package-root.js';
import { type Child, startChild } from '../../util/process/child.js';
import { onInterruptKept } from '../../util/process/interrupt.js';
import { removeTemp, makeTemp } from '../../util/process/reaper.js';
import { inWindow } from '../../util/window.js';
import { interruptibleMeasurement } from '../interruptible.js';
import { resultOf, runLab } from '../lab.js';
import { judgesLines, judgesOf } from './judges.js';
import { type Conditions, CorpusJournal, digestOf, type Entry, type Start, STARTS } from './journal.js';
import {
  accuracyTables,
  type Labelled,
  outcomeTables,
  predictionLine,
  SUMMARY_HEAD,
  summaryRow,
  warmAndColdLines,
} from './tables.js';

const ROOT = packageRoot();
const SCENARIOS = join(ROOT, 'scenarios');

interface Options {
  folder: string;
  only: string;
  runs: string;
  jobs: string;
  loads: string;
  icount: 'off' | 'on' | 'both';
  start: Start | 'both';
  journal: string;
  fresh?: boolean;
  follow?: boolean;
}

const options = new Command('corpus')
  .description('runs labelled scenarios repeatedly; continues where it was interrupted')
  .option('--folder <names>', 'folders of scenarios/, separated by commas', 'mismatch')
  .option('--only <pattern>', 'only scenarios whose path matches', '')
  .option('--runs <n>', 'number of rounds', '1')
  .option('--jobs <n>', 'run at most this many scenarios at once', '1')
  .option(
    '--loads <list>',
    'numbers of busy processes beside the runs, separated by commas; each is measured on its own',
    '0',
  )
  .option('--icount <when>', 'off, on or both: emulated processors count instructions', 'off')
  .option('--start <way>', 'warm, cold or both: from snapshots where there are any', 'warm')
  .option('--journal <file>', 'record each run in this file', join('results', 'corpus.jsonl'))
  .option('--follow', 'follow the pages of every file, and compare both judges (docs/judge.md)')
  .option('--fresh', 'forget all recorded runs first')
  .parse()
  .opts<Options>();

async function labelledScenarios(): Promise<Labelled[]> {
  const only = new RegExp(options.only);
  const names = options.folder
    .split(',')
    .flatMap((folder) =>
      readdirSync(join(SCENARIOS, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
    );
  return Promise.all(
    names
      .filter((name) => name.endsWith('.yaml') && only.test(name))
      .sort()
      .map(async (name) => {
        const path = join(SCENARIOS, name);
        return { name, path, digest: digestOf(readFileSync(path, 'utf8')), scenario: await loadScenario(path) };
      }),
  );
}

/** Starts processes that only use CPU time. They end with this process. */
function busy(count: number): Child[] {
  return Array.from({ length: count }, () =>
    startChild([process.execPath, '-e', 'for (;;);'], { stdio: ['ignore', 'ignore', 'ignore'], tie: 'dies-with-lab' }),
  );
}

/** Null if there is no result; then the lab's messages go to standard error. */
async function runOnce(
  { path }: Labelled,
  { icount, start }: Conditions,
  results: string,
  signal: AbortSignal,
): Promise<{ result: Result; seconds: number } | null> {
  const began = performance.now();
  const wayOf = [
    ...(icount ? ['--icount'] : []),
    ...(start === 'cold' ? ['--cold'] : []),
    ...(options.follow === true ? ['--follow'] : []),
  ];
  const ended = await runLab(['run', path, '--json', '--results', results, ...wayOf], { signal });
  try {
    return { result: resultOf(ended), seconds: (performance.now() - began) / 1000 };
  } catch {
    process.stderr.write(`${path}: no result\n${ended.stderr.slice(-4000)}\n`);
    return null;
  }
}

async function measure(signal: AbortSignal): Promise<number> {
  const labelled = await labelledScenarios();
  if (labelled.length === 0) {
    process.stderr.write(`no scenario of ${options.folder} matches --only '${options.only}'; paths look like `);
    process.stderr.write('mismatch/faults/luo-version.yaml\n');
    return 2;
  }
  const journal = new CorpusJournal(options.journal);
  if (options.fresh) journal.forget();
  const folder = makeTemp(join(tmpdir(), 'lab-corpus-'));
  const context = { signal, onProgress: () => undefined };
  // Build first, so that no run's time includes a build.
  for (const name of new Set(labelled.flatMap(({ scenario }) => scenario.kernels))) await ensureKernel(name, context);
  await ensureRootFs(context);

  const loads = options.loads.split(',').map(Number);
  const ways = options.icount === 'both' ? [false, true] : [options.icount === 'on'];
  const starts = STARTS.filter((start) => options.start === 'both' || options.start === start);
  const conditions: Conditions[] = loads.flatMap((load) =>
    ways.flatMap((icount) => starts.map((start) => ({ load, icount, start }))),
  );
  const scenarios = new Map(labelled.map(({ name, digest }) => [name, digest]));
  const known = (): Entry[] => conditions.flatMap((part) => journal.of(scenarios, part));
  const total = labelled.length * conditions.length * Number(options.runs);
  onInterruptKept(() => [`${known().length} of ${total} runs, in ${options.journal}; to go on: the same command`]);

  // Finish a round under all conditions before the next one, so that the results are comparable at any time.
  for (let round = 0; round < Number(options.runs); round++) {
    for (const part of conditions) {
      const left = labelled.filter(({ name, digest }) => !journal.has({ name, digest, ...part, round }));
      if (left.length === 0) continue;
      const burners = busy(part.load);
      await inWindow(left, Number(options.jobs), async (each) => {
        signal.throwIfAborted();
        const run = await runOnce(each, part, folder, signal);
        if (run === null) return;
        const { result, seconds } = run;
        const entry: Entry = {
          name: each.name,
          digest: each.digest,
          ...part,
          round,
          outcome: result.outcome,
          endsIn: result.endsIn,
          asExpected: result.asExpected,
          rung: rungOf(result),
          predicted: result.predicted?.outcome ?? null,
          hit: result.predicted?.hit ?? null,
          cause: result.cause?.title ?? null,
          seconds,
          runSeconds: (result.durations['total'] ?? 0) / 1000,
          blind: Object.entries(result.witnesses)
            .filter(([, { looked }]) => !looked)
            .map(([witness]) => witness),
          judges: options.follow === true ? judgesOf(result) : null,
        };
        journal.add(entry);
        const wrong = result.asExpected
          ? ''
          : `, NOT ${result.expected}: ${result.cause?.title ?? ''}; ${result.cause?.detail.slice(0, 400) ?? ''}`;
        process.stderr.write(
          `round ${round} load ${part.load}${part.icount ? ' icount' : ''} ${entry.rung ?? 'cold'}: ` +
            `${each.name} ${seconds.toFixed(1)} s: ` +
            `${result.outcome}${wrong}\n`,
        );
      });
      for (const burner of burners) burner.kill('SIGKILL');
    }
  }
  removeTemp(folder);

  const all = known();
  const print = (lines: readonly string[]) => process.stdout.write(`${lines.join('\n')}\n`);
  print(outcomeTables(labelled, all));
  if (Number(options.runs) > 1) print(accuracyTables(labelled, all));
  print([
    '',
    ...SUMMARY_HEAD,
    ...conditions.map((part) => summaryRow(labelled, part, journal.of(scenarios, part))),
    '',
    predictionLine(labelled, all),
    ...(options.follow === true ? ['', ...judgesLines(all)] : []),
    ...(options.start === 'both' ? ['', ...warmAndColdLines(labelled, all)] : []),
  ]);
  return all.length === total && all.every(({ asExpected }) => asExpected) ? 0 : 1;
}

await interruptibleMeasurement(measure);
