// SPDX-License-Identifier: Apache-2.0
// Hunts in one folder: corpus, journal, findings and machines, put together.
import { join } from 'node:path';
import { confirm } from '../../fuzz/findings/confirm.js';
import { type Known, knownAs, parseKnown } from '../../fuzz/findings/known.js';
import { FindingStore } from '../../fuzz/findings/store.js';
import { Corpus } from '../../fuzz/hunt/corpus.js';
import { hunt } from '../../fuzz/hunt/hunt.js';
import { Journal } from '../../fuzz/hunt/journal.js';
import type { HuntPlan } from '../../fuzz/plan/plan.js';
import { ruleFor } from '../../host/trust.js';
import { buildableNames } from '../../images/index.js';
import { HUNT_SCHEMA, type HuntEnd, type HuntReport } from '../../model/hunt/hunt.js';
import { writeHuntPage } from '../../report/html/hunt/files.js';
import { huntView } from '../../report/live/hunt.js';
import type { TextStream } from '../../report/live/progress.js';
import { LabError, messageOf } from '../../util/errors.js';
import { packageRoot } from '../../util/package-root.js';
import { tryLock } from '../../util/process/lock.js';
import { onInterruptKept } from '../common/interrupt.js';
import type { Accel } from '../common/option-values.js';
import { explained } from './explained.js';
import { huntMachines, type HuntQueue, sharesOf } from './machines.js';
import { textOf } from './plan-of.js';

export interface Done {
  ms: number;
  executions: number;
  /** Names of the findings that were decided. */
  findings: string[];
}

export interface HuntSetting {
  plan: HuntPlan;
  folder: string;
  /** Where findings are kept. */
  out: string;
  accel: Accel;
  queue: HuntQueue | null;
  /** Milliseconds for making a finding smaller. */
  minimiseMs: number;
  /** Given what was done in this folder: what of it is no part of this hunt; null if all of it is. */
  before: (done: Done) => Done | null;
  signal: AbortSignal;
  stream: TextStream;
  /** The command that goes on. */
  again: () => string;
  /** Is called at the start, from time to time, and at the end, also of a hunt that is interrupted or fails. */
  onReport: (report: HuntReport) => void;
}

/** Milliseconds between two reports. */
const EVERY = 60_000;

/** What makes inputs differ: a folder holds one hunt. */
export function questionOf(plan: HuntPlan): string {
  const shares = [...sharesOf(plan)].sort(([a], [b]) => a.localeCompare(b));
  return JSON.stringify([plan.seed, plan.kernels, shares]);
}

export async function runHunt(setting: HuntSetting): Promise<HuntReport> {
  const { plan, folder, out, accel, queue, minimiseMs, signal, stream, again, onReport } = setting;
  // Scenarios of the corpus are data, also if a copy came from elsewhere.
  const rule = ruleFor(folder, {});
  const known = parseKnown(...textOf(plan.known ?? join(packageRoot(), 'scenarios/fuzz/known.yaml')));
  const lock = await tryLock(join(folder, 'lock'), signal);
  if (lock === null)
    throw new LabError(`another hunt uses ${folder}`, { hint: 'wait until it has ended, or name another --corpus' });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => lock.release());
  const journal = new Journal(join(folder, 'journal.jsonl'), questionOf(plan));
  const corpus = new Corpus(join(folder, 'corpus'), { ...plan, rule });
  const store = new FindingStore(out);
  settle(store, known);
  const done = { ms: journal.totals.at, executions: journal.totals.next, findings: decided(store) };
  const before = setting.before(done);
  const time = plan.time + (before?.ms ?? 0);
  const executions = plan.executions === null ? null : plan.executions + (before?.executions ?? 0);
  const old = new Set((before ?? done).findings);
  let end: HuntEnd | null = null;
  const report = () => reportOf({ plan, folder, out, end, journal, corpus, store, old });
  const view = huntView({ stream, time, limit: executions, report });
  stack.defer(() => view.end());
  const show = () => {
    const now = report();
    writeHuntPage(now);
    onReport(now);
  };
  show();
  stack.defer(() => {
    try {
      show();
    } catch (error) {
      // The hunt may have ended because the disk is full. That error is thrown.
      view.note(messageOf(error));
    }
  });
  stack.defer(
    onInterruptKept(() => [
      `${journal.totals.next} inputs, ${corpus.list.length} of them in the corpus, ${store.list.length} findings, ` +
        `in ${folder}; to go on: ${again()}`,
    ]),
  );
  const { sources, executors, run, jobs, note } = await huntMachines(plan, {
    accel,
    queue,
    signal,
    stack,
    note: (text) => view.note(text),
  });
  if (note !== null) view.note(note);
  for (const name of corpus.damaged) view.note(`skipped ${name} of the corpus: it cannot be read`);
  view.begin();
  const others = buildableNames().filter((name) => !plan.kernels.flat().includes(name));
  let reported = performance.now();
  end = await hunt({
    sources,
    executors,
    seed: plan.seed,
    jobs,
    time,
    executions,
    journal,
    corpus,
    findings: store,
    signal,
    confirm: (finding) =>
      confirm(finding, {
        store,
        known,
        rule,
        others,
        minimiseMs,
        signal,
        run,
        explain: explained,
        note: (text) => view.doing(text),
      }),
    onDone: () => {
      if (performance.now() - reported < EVERY) return;
      reported = performance.now();
      show();
    },
    onFinding: (finding) => {
      view.doing(null);
      view.note(`${finding.state}: ${finding.outcome}: ${finding.title}`);
      show();
    },
  });
  return report();
}

interface Reported {
  plan: HuntPlan;
  folder: string;
  out: string;
  end: HuntEnd | null;
  journal: Journal;
  corpus: Corpus;
  store: FindingStore;
  old: ReadonlySet<string>;
}

function reportOf({ plan, folder, out, end, journal: { totals }, corpus, store, old }: Reported): HuntReport {
  const { next, at, counts, rungs, spent, hours, curve } = totals;
  return {
    schema: HUNT_SCHEMA,
    seed: plan.seed,
    kernels: plan.kernels,
    folder,
    out,
    end,
    executions: next,
    ms: at,
    counts,
    rungs,
    spent,
    hours,
    curve,
    corpus: corpus.list.length,
    findings: store.list.map((finding) => ({ ...finding, fresh: !old.has(finding.name) })),
  };
}

function decided(store: FindingStore): string[] {
  return store.list.filter(({ state }) => state !== 'found').map(({ name }) => name);
}

/** What has become known since it was found is no longer shown as new. */
function settle(store: FindingStore, known: readonly Known[]): void {
  for (const finding of store.list) {
    const entry = finding.state === 'confirmed' ? knownAs(finding.title, finding.kernels, known) : null;
    if (entry !== null) store.save({ ...finding, state: 'known', reference: entry.reference });
  }
}
