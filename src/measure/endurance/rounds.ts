// SPDX-License-Identifier: Apache-2.0
// `npm run endurance -- --runs N`: short runs that are killed, interrupted, starved of disk and cut off from Redis.
// After every round nothing may be left, and no verdict lost or wrong.
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ensureKernel, ensureRootFs } from '../../images/index.js';
import { loadScenario } from '../../scenario/index.js';
import { packageRoot } from '../../util/package-root.js';
import { Bench } from './bench.js';
import { EnduranceJournal, type Entry } from './journal.js';
import { planRound, type Round, runsOf, SCENARIOS } from './plan.js';
import { Queue } from './queue.js';
import { type Report, runSingle } from './single.js';
import { summarise } from './summary.js';

export interface RoundsOptions {
  runs: number;
  minutes: number;
  seed: number;
  journal: string;
  fresh: boolean;
}

/** Milliseconds of a run before one was measured. */
const FIRST_GUESS_MS = 8000;
/** The typical duration follows the host's load. */
const MEMORY_OF_DURATION = 0.7;

/** Returns the exit status. */
export async function endureRounds(options: RoundsOptions): Promise<number> {
  if (options.fresh) rmSync(options.journal, { force: true });
  const journal = new EnduranceJournal(options.journal, options.seed);
  const until = performance.now() + options.minutes * 60_000;
  let stopped = false;
  process.on('SIGINT', () => (stopped = true));
  await build();
  const bench = new Bench();
  const queue = new Queue(bench);
  let typicalMs = FIRST_GUESS_MS;
  while (!stopped && performance.now() < until && journal.runs < options.runs) {
    const number = journal.next;
    const round = planRound(options.seed, number);
    const began = performance.now();
    const report = await attempt(bench, queue, round, typicalMs);
    // What Ctrl-C to this process disturbed does not count. Its children have their own process groups.
    const left = await bench.settled();
    report.problems.push(...left);
    if (report.wholeMs !== null) typicalMs = MEMORY_OF_DURATION * typicalMs + (1 - MEMORY_OF_DURATION) * report.wholeMs;
    if (report.problems.length > 0)
      bench.keep(join(dirname(options.journal), 'endurance-problems', String(number)), report.messages);
    bench.clear();
    const entry: Omit<Entry, 'seed'> = {
      round: number,
      kind: nameOf(round),
      runs: report.skipped === null ? runsOf(round) : 0,
      right: report.right,
      seconds: (performance.now() - began) / 1000,
      endedMs: report.endedMs,
      worker: round.kind === 'queue' ? queue.memory : null,
      problems: report.problems,
      skipped: report.skipped,
    };
    journal.add(entry);
    process.stderr.write(
      `${number} ${JSON.stringify(round)}: ${report.right} right, ${entry.seconds.toFixed(1)} s` +
        `${report.problems.map((problem) => `\n  ${problem}`).join('')}\n`,
    );
  }
  const left = await queue.close();
  await bench.unfill();
  const { lines, good } = summarise(journal.entries);
  process.stdout.write(`${[...left, ...lines].join('\n')}\n`);
  return good && left.length === 0 ? 0 : 1;
}

function nameOf(round: Round): string {
  if (round.kind === 'full') return `full ${round.what}`;
  if (round.kind === 'interrupted' && round.again !== null) return 'interrupted twice';
  return round.kind;
}

async function attempt(bench: Bench, queue: Queue, round: Round, typicalMs: number): Promise<Report> {
  try {
    return round.kind === 'queue' ? await queue.run(round, typicalMs) : await runSingle(bench, round, typicalMs);
  } catch (error) {
    const problems = [`the round itself failed: ${(error as Error).stack ?? String(error)}`];
    return { right: 0, problems, wholeMs: null, endedMs: null, skipped: null, messages: '' };
  }
}

/** Builds first, so that no round includes a build. */
async function build(): Promise<void> {
  const context = { signal: new AbortController().signal, onProgress: () => undefined };
  const scenarios = SCENARIOS.map((name) => loadScenario(join(packageRoot(), 'scenarios', `${name}.yaml`)));
  const kernels = new Set((await Promise.all(scenarios)).flatMap((scenario) => scenario.kernels));
  for (const name of kernels) await ensureKernel(name, context);
  await ensureRootFs(context);
}
