// SPDX-License-Identifier: Apache-2.0
// The committed baseline of a plan: the accepted outcome for each scenario and its kernels, in YAML that people can
// read and diff.
import { existsSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import type { Cell, PairResult } from '../model/result/matrix.js';
import { ENDINGS, ENDS_IN, type EndsIn, type Outcome, OUTCOMES } from '../model/result/outcome.js';
import { chainText } from '../store/matrix/pair-results.js';
import { writeWhole } from '../store/write-whole.js';
import { messageOf, UsageError } from '../util/errors.js';
import { readRegularFileSync } from '../util/files/regular-file.js';

export interface BaselineEntry {
  outcome: Outcome;
  /** Null if it follows from the outcome. */
  endsIn: EndsIn | null;
}

/** By the scenario's path, then by its kernels. */
export type Baseline = ReadonlyMap<string, ReadonlyMap<string, BaselineEntry>>;

export const NO_BASELINE: Baseline = new Map();

const outcome = z.enum(OUTCOMES);
const schema = z.record(
  z.string(),
  z.record(z.string(), z.union([outcome, z.strictObject({ outcome, endsIn: z.enum(ENDINGS) })])),
);

const MAX_BYTES = 16 << 20;

const HEAD =
  '# Outcomes that are taken as right, by scenario and kernels. Written by `lab matrix PLAN --update-baseline`.\n';

/** Empty if there is no file yet. Throws a UsageError if it is damaged. */
export function readBaseline(file: string | null): Baseline {
  if (file === null || !existsSync(file)) return NO_BASELINE;
  let data: unknown;
  try {
    data = parse(readRegularFileSync(file, { maxBytes: MAX_BYTES }).toString('utf8')) ?? {};
  } catch (error) {
    throw new UsageError(`${file}: ${messageOf(error)}`);
  }
  const checked = schema.safeParse(data);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw new UsageError(`${file}: ${issue?.path.join(': ')}: expected an outcome: ${OUTCOMES.join(', ')}`);
  }
  return new Map(
    Object.entries(checked.data).map(([scenario, entries]) => [
      scenario,
      new Map(
        Object.entries(entries).map(([kernels, entry]) => [
          kernels,
          typeof entry === 'string' ? { outcome: entry, endsIn: null } : entry,
        ]),
      ),
    ]),
  );
}

export function entryOf(
  baseline: Baseline,
  { scenario, kernels }: Pick<Cell, 'scenario' | 'kernels'>,
): BaselineEntry | null {
  return baseline.get(scenario)?.get(chainText(kernels)) ?? null;
}

export interface BaselineChange {
  scenario: string;
  kernels: string;
  before: BaselineEntry | null;
  after: BaselineEntry;
}

/**
 * What the outcomes of a matrix would change. A flaky, unfinished or infra pair result says nothing, so it changes
 * nothing.
 */
export function changesOf(
  baseline: Baseline,
  pairResults: readonly PairResult[],
): { changes: BaselineChange[]; unusable: PairResult[] } {
  const changes: BaselineChange[] = [];
  const unusable: PairResult[] = [];
  for (const pairResult of pairResults) {
    const { state, endsIn } = pairResult;
    if (state === 'pending' || state === 'flaky' || state === 'infra') {
      unusable.push(pairResult);
      continue;
    }
    const after = { outcome: state, endsIn: endsIn === null || endsIn === ENDS_IN[state] ? null : endsIn };
    const before = entryOf(baseline, pairResult);
    if (
      before?.outcome !== after.outcome ||
      (before.endsIn ?? ENDS_IN[before.outcome]) !== (endsIn ?? ENDS_IN[state])
    ) {
      changes.push({ scenario: pairResult.scenario, kernels: chainText(pairResult.kernels), before, after });
    }
  }
  return { changes, unusable };
}

/** Writes the baseline with the changes. Entries that the matrix did not run stay. */
export function writeBaseline(file: string, baseline: Baseline, changes: readonly BaselineChange[]): void {
  const all = new Map([...baseline].map(([scenario, entries]) => [scenario, new Map(entries)]));
  for (const { scenario, kernels, after } of changes) {
    const entries = all.get(scenario) ?? new Map<string, BaselineEntry>();
    all.set(scenario, entries.set(kernels, after));
  }
  const sorted = <T>(map: Map<string, T>) => [...map].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  const data = Object.fromEntries(
    sorted(all).map(([scenario, entries]) => [
      scenario,
      Object.fromEntries(
        sorted(entries).map(([kernels, { outcome: what, endsIn }]) => [
          kernels,
          endsIn === null ? what : { outcome: what, endsIn },
        ]),
      ),
    ]),
  );
  writeWhole(file, `${HEAD}${stringify(data)}`);
}
