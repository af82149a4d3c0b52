// SPDX-License-Identifier: Apache-2.0
// Before a finding is shown: three runs from a boot must end in the same way. Then it is made smaller, compared with
// what is known, and tried on the other kernels.
import { join, relative } from 'node:path';
import { readFileSync, rmSync } from 'node:fs';
import type { Result } from '../../model/result/result.js';
import type { HostRule } from '../../model/scenario/host-use.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import type { SnapshotUse } from '../../perform/start.js';
import { minimise } from '../../repro/minimise/minimise.js';
import { parseScenario, ScenarioError } from '../../scenario/index.js';
import { LabError } from '../../util/errors.js';
import { judge, keyOf } from './judge.js';
import { type Known, knownAs } from './known.js';
import { reportText } from './report-text.js';
import type { Finding, FindingStore } from './store.js';

/** Runs a scenario once, and keeps the run in a folder. Throws a LabError or a ScenarioError if it cannot run. */
export type RunOnce = (
  scenario: Scenario,
  options: { results: string | null; signal: AbortSignal; snapshots: SnapshotUse },
) => Promise<{ result: Result; folder: string }>;

/** Says why a run failed, and where in the kernel; null where that is not known. */
export type Explain = (
  run: { scenario: Scenario; result: Result; folder: string },
  signal: AbortSignal,
) => Promise<{ text: string; where: string | null }>;

export interface ConfirmOptions {
  store: FindingStore;
  run: RunOnce;
  explain: Explain;
  known: readonly Known[];
  /** What a scenario may use of this host; null if it is trusted. */
  rule: HostRule | null;
  /** Kernels that are built, to try it on. */
  others: readonly string[];
  /** Milliseconds for making it smaller; 0 for not at all. */
  minimiseMs: number;
  signal: AbortSignal;
  note: (text: string) => void;
}

export const REPRODUCTIONS = 3;
const INFRA_RETRIES = 1;

/**
 * Returns the finding with its new state, which is stored. After an abort it throws, and the state stays `found`; so it
 * does if the lab fails.
 */
export async function confirm(finding: Finding, options: ConfirmOptions): Promise<Finding> {
  const { store, known, rule, signal, note } = options;
  const entry = knownAs(finding.title, finding.kernels, known);
  if (entry !== null) return stored(store, { ...finding, state: 'known', reference: entry.reference });
  const text = readFileSync(join(store.pathOf(finding), 'scenario.yaml'), 'utf8');
  const parse = (yaml: string) => parseScenario(yaml, 'finding.yaml', { rule });
  const results = join(store.pathOf(finding), 'run');
  let seen = 0;
  let last: Result | null = null;
  let first: { result: Result; folder: string } | null = null;
  // Of a confirmation that was interrupted.
  rmSync(results, { recursive: true, force: true });
  for (let run = 0; run < REPRODUCTIONS; run++) {
    note(`${finding.title}: run ${run + 1} of ${REPRODUCTIONS} from a boot`);
    const kept = await runOnce(parse(text), options, { results: run === 0 ? results : null, snapshots: 'cold' });
    if (run === 0) first = kept;
    // A fault of the lab says nothing about the kernel: the finding stays, and is confirmed at the next start.
    if (kept.result.outcome === 'infra') {
      note(`${finding.title}: not decided, because the lab failed: ${kept.result.cause?.title ?? ''}`);
      return finding;
    }
    if (isSame(finding, parse(text), kept.result)) {
      seen++;
      last = kept.result;
    }
  }
  const counted = { ...finding, runs: REPRODUCTIONS, seen };
  if (seen < REPRODUCTIONS || last === null || first === null)
    return stored(store, { ...counted, state: 'not reproduced' });
  const smaller = await smallest(finding, text, options);
  const others = await onOthers(finding, text, options);
  const { text: explanation, where } = await options.explain({ scenario: parse(text), ...first }, signal);
  const run = relative(store.pathOf(finding), first.folder);
  const confirmed: Finding = { ...counted, state: 'confirmed', minimal: smaller.minimal, others, run };
  store.write(confirmed, 'scenario.yaml', smaller.text);
  store.write(confirmed, 'explanation.txt', explanation);
  const { folder } = first;
  store.write(confirmed, 'report.txt', reportText(confirmed, { scenario: smaller.text, result: last, folder, where }));
  signal.throwIfAborted();
  return stored(store, confirmed);
}

function stored(store: FindingStore, finding: Finding): Finding {
  store.save(finding);
  return finding;
}

/** A failure of the lab is tried again once. */
async function runOnce(
  scenario: Scenario,
  { run, signal }: ConfirmOptions,
  options: { results: string | null; snapshots: SnapshotUse },
): ReturnType<RunOnce> {
  for (let retries = INFRA_RETRIES; ; retries--) {
    signal.throwIfAborted();
    const kept = await run(scenario, { ...options, signal });
    if (kept.result.outcome !== 'infra' || retries === 0) return kept;
  }
}

function isSame(finding: Finding, scenario: Scenario, result: Result): boolean {
  const { generator, versionsValid } = finding;
  const judgement = judge({ generator, versionsValid, scenario }, result);
  return judgement.kind === 'finding' && keyOf(judgement) === keyOf(finding);
}

/** A smaller scenario counts only if it, too, fails from a boot. */
async function smallest(
  finding: Finding,
  text: string,
  options: ConfirmOptions,
): Promise<{ text: string; minimal: boolean }> {
  const { signal, rule, minimiseMs, note } = options;
  if (minimiseMs === 0) return { text, minimal: false };
  note(`${finding.title}: smaller scenarios`);
  const minimised = await minimise({
    scenario: text,
    parse: (yaml) => parseScenario(yaml, 'candidate.yaml', { rule }),
    jobs: 1,
    deadline: Date.now() + minimiseMs,
    signal,
    reproduces: async ({ scenario }) => {
      const { result } = await runOnce(scenario, options, { results: null, snapshots: 'booted' });
      return { holds: isSame(finding, scenario, result), instead: result.outcome, known: result.outcome !== 'infra' };
    },
  });
  const scenario = parseScenario(minimised.scenario, 'finding.yaml', { rule });
  const { result } = await runOnce(scenario, options, { results: null, snapshots: 'cold' });
  return isSame(finding, scenario, result)
    ? { text: minimised.scenario, minimal: minimised.done }
    : { text, minimal: false };
}

async function onOthers(finding: Finding, text: string, options: ConfirmOptions): Promise<Finding['others']> {
  const seen: Finding['others'] = {};
  for (const kernel of options.others) {
    options.note(`${finding.title}: on ${kernel}`);
    try {
      const kernels = finding.kernels.map(() => kernel);
      const scenario = parseScenario(text, 'finding.yaml', { kernels, rule: options.rule });
      const { result } = await runOnce(scenario, options, { results: null, snapshots: 'booted' });
      seen[kernel] = isSame(finding, scenario, result) ? 'the same' : result.outcome;
    } catch (error) {
      // An older format may lack the place that the scenario changes.
      if (!(error instanceof ScenarioError) && !(error instanceof LabError)) throw error;
      seen[kernel] = 'cannot run';
    }
  }
  return seen;
}
