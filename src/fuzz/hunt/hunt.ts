// SPDX-License-Identifier: Apache-2.0
// The hunt: lanes make and run inputs, and what they show is taken in the order of the inputs. An input without a line
// in the journal is run again after an interrupt, so nothing is lost.
import type { HuntEnd } from '../../model/hunt/hunt.js';
import { isDiskFull, LabError, messageOf, UsageError } from '../../util/errors.js';
import { judge } from '../findings/judge.js';
import type { Finding, FindingStore } from '../findings/store.js';
import type { Execution, Executor, GeneratorName, Input, Judgement } from '../input.js';
import type { Corpus, Entry } from './corpus.js';
import { horizonOf, inputOf, ROUND, type Source } from './inputs.js';
import type { Journal } from './journal.js';
import { Monotony } from './monotony.js';

export interface HuntOptions {
  sources: readonly Source[];
  executors: ReadonlyMap<GeneratorName, Pick<Executor, 'execute'>>;
  seed: number;
  jobs: number;
  /** Milliseconds in which inputs start. */
  time: number;
  executions: number | null;
  journal: Journal;
  corpus: Corpus;
  findings: FindingStore;
  confirm: (finding: Finding) => Promise<Finding>;
  signal: AbortSignal;
  onDone?: (i: number, judgement: Judgement, execution: Execution | null) => void;
  onFinding?: (finding: Finding) => void;
  now?: () => number;
}

interface Shown {
  input: Input;
  execution: Execution | null;
  judgement: Judgement;
}

export async function hunt(options: HuntOptions): Promise<HuntEnd> {
  const { journal, corpus, findings, seed, sources, executors, onDone, onFinding } = options;
  const now = options.now ?? (() => performance.now());
  const began = now() - journal.totals.at;
  const failure = new AbortController();
  const signal = AbortSignal.any([options.signal, failure.signal]);
  const monotony = new Monotony();
  /** Ended, but an earlier input has not. */
  const early = new Map<number, Shown>();
  /** The corpus by the number of inputs that had ended. */
  const rounds = new Map<number, readonly Entry[]>();
  let next = journal.totals.next;
  let end: HuntEnd = { kind: 'done' };
  let stopped = false;
  let confirming: Promise<void> = Promise.resolve();
  let wake = Promise.withResolvers<void>();

  const confirmLater = (finding: Finding) => {
    confirming = confirming.then(async () => {
      if (signal.aborted) return;
      try {
        const decided = await options.confirm(finding);
        onFinding?.(decided);
      } catch (error) {
        failure.abort(error);
      }
    });
  };
  for (const finding of findings.list) if (finding.state === 'found') confirmLater(finding);

  const take = (i: number, { input, execution, judgement }: Shown): void => {
    // The finding and the corpus come before the line: a kill between them runs the input again, and adds nothing.
    if (judgement.kind === 'finding' && !findings.has(judgement)) {
      const { outcome, title } = judgement;
      confirmLater(findings.add(input, { outcome, title, input: i, seed }));
    }
    if (execution !== null && judgement.kind !== 'infra') corpus.admit(i, input, featuresOf(input, execution));
    const outcome = execution?.ending.outcome ?? 'infra';
    const { generator } = input;
    const ms = execution?.ms ?? 0;
    const rung = execution === null ? null : (execution.rung ?? 'cold');
    journal.add({ i, generator, kind: judgement.kind, outcome, rung, ms, at: now() - began, reached: corpus.size });
    if (journal.totals.next % ROUND === 0) {
      corpus.reduce();
      rounds.set(journal.totals.next, corpus.list);
      for (const old of rounds.keys()) if (old < journal.totals.next - 2 * ROUND) rounds.delete(old);
    }
    const why = monotony.after(judgement);
    if (why !== null && end.kind === 'done') end = { kind: 'stopped', why, infra: judgement.kind === 'infra' };
    onDone?.(i, judgement, execution);
  };
  const takeInOrder = () => {
    for (let shown = early.get(journal.totals.next); shown !== undefined; shown = early.get(journal.totals.next)) {
      early.delete(journal.totals.next);
      take(journal.totals.next, shown);
    }
    wake.resolve();
    wake = Promise.withResolvers<void>();
  };
  const goesOn = () =>
    !stopped &&
    !signal.aborted &&
    end.kind === 'done' &&
    now() - began < options.time &&
    next < (options.executions ?? Number.MAX_SAFE_INTEGER);
  const lane = async () => {
    while (goesOn()) {
      const i = next++;
      // A lane that is ahead waits for the others, so that the corpus it sees does not depend on their speed.
      const horizon = horizonOf(i);
      while (journal.totals.next < horizon && !signal.aborted && !stopped) await wake.promise;
      if (signal.aborted || stopped) return;
      // In the first inputs of a hunt, and after its resume, there is no round yet.
      const seen = rounds.get(horizon) ?? corpus.list.filter(({ index }) => index < horizon);
      const input = inputOf(i, seed, sources, seen);
      early.set(i, { input, ...(await execute(input, executors, signal)) });
      takeInOrder();
    }
  };
  await Promise.all(
    Array.from({ length: options.jobs }, () =>
      lane().catch((error: unknown) => {
        stopped = true;
        failure.abort(error);
        wake.resolve();
      }),
    ),
  );
  await confirming;
  signal.throwIfAborted();
  return end;
}

/** A failure of the lab or its host is tried again once. */
async function execute(
  input: Input,
  executors: HuntOptions['executors'],
  signal: AbortSignal,
): Promise<Pick<Shown, 'execution' | 'judgement'>> {
  const executor = executors.get(input.generator);
  if (executor === undefined) throw new Error(`nothing runs inputs of ${input.generator}`);
  for (let retries = 1; ; retries--) {
    let why: string;
    try {
      const execution = await executor.execute(input, signal);
      signal.throwIfAborted();
      const judgement = judge(input, execution.ending);
      if (judgement.kind !== 'infra') return { execution, judgement };
      why = judgement.why;
    } catch (error) {
      signal.throwIfAborted();
      // Trying again, or another input, changes nothing: the plan is at fault.
      if (error instanceof UsageError) throw error;
      // Each further input would fail in the same way. This one has no line in the journal, so it runs again.
      const cause = isDiskFull(error) || !(error instanceof Error) ? error : error.cause;
      if (isDiskFull(cause))
        throw new LabError(`an input cannot run: ${messageOf(error)}`, {
          cause,
          hint: 'free some space; the same command continues',
        });
      why = messageOf(error);
    }
    if (retries === 0) return { execution: null, judgement: { kind: 'infra', why } };
  }
}

/** Blocks by kernel, apart in the first kernel and in later ones. Without blocks, how the run ended. */
export function featuresOf({ scenario }: Input, { blocks, ending }: Execution): string[] {
  if (blocks === null) return [ending.outcome, ...ending.incidents.map(({ title, epoch }) => `${epoch} ${title}`)];
  return [...blocks].flatMap(([epoch, starts]) =>
    [...starts].map((start) => `${scenario.kernels[epoch] ?? ''}/${Math.min(epoch, 1)}/${start.toString(16)}`),
  );
}
