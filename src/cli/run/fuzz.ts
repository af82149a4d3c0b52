// SPDX-License-Identifier: Apache-2.0
// `lab fuzz`: looks for bugs that nobody has reported.
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { confirm } from '../../fuzz/findings/confirm.js';
import { parseKnown } from '../../fuzz/findings/known.js';
import { type Finding, FindingStore } from '../../fuzz/findings/store.js';
import { Corpus } from '../../fuzz/hunt/corpus.js';
import { hunt } from '../../fuzz/hunt/hunt.js';
import { Journal } from '../../fuzz/hunt/journal.js';
import { SOURCES } from '../../fuzz/hunt/sources.js';
import { type Executor, type GeneratorName, GENERATORS, isGenerator } from '../../fuzz/input.js';
import { type HuntPlan, parseHuntPlan } from '../../fuzz/plan/plan.js';
import { buildableNames, definedKernels } from '../../images/index.js';
import { Preparation } from '../../perform/prepare.js';
import { LabError, UsageError } from '../../util/errors.js';
import { packageRoot } from '../../util/package-root.js';
import { tryLock } from '../../util/process/lock.js';
import { makeTemp, removeTemp } from '../../util/process/reaper.js';
import { printable } from '../../util/text/escape.js';
import { EXIT_INFRA } from '../common/exit.js';
import { interruptible, onInterruptKept, sameCommand } from '../common/interrupt.js';
import { type Accel, accelOption, decimal, jobs, wholeNumber } from '../common/option-values.js';
import { runSetUp } from '../common/set-up.js';
import type { HostSlots } from '../../host/slots.js';
import { ruleFor } from '../../host/trust.js';
import { trialMachines } from './trial-machines.js';

interface FuzzOptions {
  jobs?: number;
  time?: number;
  executions?: number;
  seed?: number;
  corpus?: string;
  kernels?: string;
  generators?: string;
  minimise: number;
  accel: Accel;
  json?: boolean;
}

/** Milliseconds between two lines of progress. */
const EVERY = 10_000;

export function createCommand(): Command {
  return new Command('fuzz')
    .description('makes inputs, runs them on real kernels, and keeps what no kernel may do')
    .argument('[plan]', 'a plan, such as scenarios/fuzz/short.yaml; 7.3.4 to itself for an hour by default')
    .option('--kernels <a..b>', 'the kernel that hands over, and the one that takes over')
    .option('--generators <list>', 'generators, separated by commas')
    .option('--time <seconds>', 'start no more inputs after this time', decimal('seconds', 1, 31_536_000))
    .option('--executions <n>', 'end after this many inputs', wholeNumber(1, 1e9))
    .option('--jobs <n>', 'run at most this many machines at once', jobs)
    .option('--seed <n>', 'the same seed gives the same inputs', wholeNumber(0, 0xffffffff))
    .option('--corpus <dir>', 'folder of the corpus, the journal and the findings; results/fuzz by default')
    .option('--minimise <seconds>', 'time to make a finding smaller', decimal('seconds', 0, 86_400), 120)
    .addOption(accelOption())
    .option('--json', 'print the summary as JSON; progress goes to standard error')
    .action(async (file: string | undefined, options: FuzzOptions) => {
      process.exitCode = await interruptible((signal) => fuzz(file, options, signal));
    });
}

async function fuzz(file: string | undefined, options: FuzzOptions, signal: AbortSignal): Promise<number> {
  const plan = planOf(file, options);
  const folder = plan.corpus ?? resolve('results/fuzz');
  // Scenarios of the corpus are data, also if a copy came from elsewhere.
  const rule = ruleFor(folder, {});
  const known = parseKnown(...textOf(plan.known ?? join(packageRoot(), 'scenarios/fuzz/known.yaml')));
  const shares = plan.generators ?? new Map(GENERATORS.map((name) => [name, 1]));
  const lock = await tryLock(join(folder, 'lock'), signal);
  if (lock === null)
    throw new LabError(`another hunt uses ${folder}`, { hint: 'wait until it has ended, or name another --corpus' });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => lock.release());
  const journal = new Journal(
    join(folder, 'journal.jsonl'),
    JSON.stringify([plan.seed, plan.kernels, [...shares].sort(([a], [b]) => a.localeCompare(b))]),
  );
  const corpus = new Corpus(join(folder, 'corpus'), { ...plan, rule });
  const findings = new FindingStore(join(folder, 'findings'));
  const preparation = new Preparation({ accel: options.accel, signal, everyHandover: true });
  const { machines, slots, jobs: lanes, note } = trialMachines(preparation, plan.jobs);
  const say = (text: string) => void process.stderr.write(`${printable(text, 500)}\n`);
  if (note !== null) say(note);
  for (const name of corpus.damaged) say(`skipped ${name} of the corpus: it cannot be read`);
  const machineFolder = makeTemp(join(tmpdir(), 'lab-hunt-'));
  stack.defer(() => removeTemp(machineFolder));
  const sources = [];
  const executors = new Map<GeneratorName, Pick<Executor, 'execute'>>();
  for (const [name, share] of shares) {
    const setting = { kernels: plan.kernels, preparation, folder: machineFolder, prepare: runSetUp };
    const { generator, executor } = await SOURCES[name](setting);
    stack.use(executor);
    sources.push({ generator, share });
    executors.set(name, inTurn(executor, slots));
  }
  onInterruptKept(() => [
    `${journal.totals.next} inputs, ${corpus.list.length} of them in the corpus, ${findings.list.length} findings, ` +
      `in ${folder}; to go on: ${sameCommand()}`,
  ]);
  let shown = performance.now();
  const before = new Set(findings.list.filter(({ state }) => state !== 'found').map(({ name }) => name));
  const began = { at: performance.now(), next: journal.totals.next };
  const progress = () => {
    const hourly = ((journal.totals.next - began.next) * 3_600_000) / (performance.now() - began.at);
    const confirmed = findings.list.filter(({ state }) => state === 'confirmed').length;
    return (
      `${journal.totals.next} inputs, ${Math.round(hourly)} an hour; reached ${corpus.size}; ` +
      `corpus ${corpus.list.length}; ${confirmed} findings`
    );
  };
  const others = buildableNames().filter((name) => !plan.kernels.flat().includes(name));
  const end = await hunt({
    sources,
    executors,
    seed: plan.seed,
    jobs: lanes,
    time: plan.time,
    executions: plan.executions,
    journal,
    corpus,
    findings,
    signal,
    confirm: (finding) =>
      confirm(finding, {
        store: findings,
        known,
        rule,
        others,
        minimiseMs: options.minimise * 1000,
        signal,
        note: say,
        run: async (scenario, { results, snapshots, signal: aborted }) => {
          if (results !== null) return machines.run(scenario, results, aborted, { snapshots });
          const passing = makeTemp(join(tmpdir(), 'lab-trial-'));
          try {
            return await machines.run(scenario, passing, aborted, { snapshots });
          } finally {
            removeTemp(passing);
          }
        },
      }),
    onDone: () => {
      if (performance.now() - shown < EVERY) return;
      shown = performance.now();
      say(progress());
    },
    onFinding: (finding) => say(`${finding.state}: ${finding.outcome}: ${finding.title}`),
  });
  const fresh = findings.list.filter(({ name, state }) => state === 'confirmed' && !before.has(name));
  const summary = {
    seed: plan.seed,
    kernels: plan.kernels,
    folder,
    end,
    totals: journal.totals,
    findings: findings.list,
  };
  if (options.json) process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
  else process.stdout.write(summaryText(progress(), journal.totals.counts, findings.list, folder));
  if (end.kind === 'stopped') say(`stopped: ${end.why}`);
  if (end.kind === 'stopped' && end.infra) return EXIT_INFRA;
  return fresh.length > 0 ? 1 : 0;
}

/** Machines of a hunt share the host with those of all other labs, and with those that confirm its findings. */
function inTurn(executor: Executor, slots: Pick<HostSlots, 'acquire'>): Pick<Executor, 'execute'> {
  return {
    execute: async (input, signal) => {
      const slot = await slots.acquire(signal);
      try {
        return await executor.execute(input, signal);
      } finally {
        slot.release();
      }
    },
  };
}

function summaryText(
  head: string,
  counts: Readonly<Record<string, number>>,
  findings: readonly Finding[],
  folder: string,
): string {
  const state = (wanted: Finding['state']) => findings.filter((each) => each.state === wanted);
  return [
    head,
    ...Object.entries(counts)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([what, count]) => `  ${String(count).padStart(8)}  ${what}`),
    ...state('confirmed').map(
      ({ outcome, title, name }) => `FINDING  ${outcome}: ${printable(title, 200)}  ${join(folder, 'findings', name)}`,
    ),
    ...state('known').map(
      ({ title, reference }) => `known    ${printable(title, 200)}  ${printable(reference ?? '', 200)}`,
    ),
    `${state('not reproduced').length} not reproduced, so not shown`,
    '',
  ].join('\n');
}

/** Options replace what the plan says. */
function planOf(file: string | undefined, options: FuzzOptions): HuntPlan {
  const names = new Set(definedKernels());
  // A plan of somebody else names kernels of this lab, and no path.
  const problem = (name: string) => (names.has(name) ? null : `there is no kernel ${name}; see lab images list`);
  const [text, path] = file === undefined ? ['{}', 'defaults'] : textOf(file);
  const plan = parseHuntPlan(text, path, problem);
  const { kernels, generators, time } = options;
  const pair = kernels === undefined ? null : kernels.split('..');
  if (pair !== null && (pair.length > 2 || pair.some((name) => problem(name) !== null)))
    throw new UsageError(`--kernels ${kernels}: expected FROM..TO`, { hint: 'lab images list shows the kernels' });
  const chosen = generators?.split(',').map((name) => {
    if (isGenerator(name)) return [name, 1] as const;
    throw new UsageError(`--generators ${name}: expected ${GENERATORS.join(' or ')}`);
  });
  return {
    ...plan,
    kernels: pair === null ? plan.kernels : [[pair[0] as string, pair[1] ?? (pair[0] as string)]],
    generators: chosen === undefined ? plan.generators : new Map(chosen),
    time: time === undefined ? plan.time : time * 1000,
    executions: options.executions ?? plan.executions,
    jobs: options.jobs ?? plan.jobs,
    seed: options.seed ?? plan.seed,
    corpus: options.corpus === undefined ? plan.corpus : resolve(options.corpus),
  };
}

function textOf(file: string): [text: string, file: string] {
  if (!existsSync(file)) throw new UsageError(`there is no ${file}`);
  return [readFileSync(file, 'utf8'), file];
}
