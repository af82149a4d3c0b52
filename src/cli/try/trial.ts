// SPDX-License-Identifier: Apache-2.0
// One trial of a series, from its text to its report.
import { join } from 'node:path';
import { defineSeries, listKselftests, type SeriesKernels } from '../../images/index.js';
import { selftestScenario } from '../../matrix/selftest-plan.js';
import { takeQueueKey } from '../../matrix/redis/seal/key.js';
import type { KernelImage } from '../../model/kernel/image.js';
import {
  type Blamed,
  TRY_PAIRS,
  TRY_SCHEMA,
  type TryFinding,
  type TryKernel,
  type TryReport,
  type TryRow,
  type TryStop,
} from '../../model/series/try.js';
import { scenarioName } from '../../report/night/pair-result.js';
import { changedTests } from '../../series/choose/choose.js';
import { type Difference, differences, isWorse, rowOf } from '../../series/verdict/compare.js';
import { firstBad } from '../../series/verdict/first-bad.js';
import { replaceFile } from '../../util/replace-file.js';
import { labVersion } from '../common/version.js';
import { abiOf } from './abi.js';
import { type CellRun, openMatrix } from './cells.js';
import { cameUp, evidenceOf, findingOf, resultOf } from './findings.js';
import { type Input, shipped } from './input.js';
import { applyAll, buildBase, buildStop, buildWith } from './kernels.js';
import { planOf } from './plan.js';

/** What shows that a kernel boots. */
const PROBE = shipped('control');
const LAST = 'series -> series';

export interface TrialOptions {
  /** The command that runs it again, for the report. */
  command: string;
  /** Look for the patch with which each finding begins. */
  search: boolean;
  timeout: number | null;
}

export class Trial {
  private readonly kernels: SeriesKernels;
  private readonly began = Date.now();
  /** What is known so far. */
  private readonly report: TryReport;

  constructor(
    private readonly input: Input,
    private readonly run: CellRun,
    private readonly options: TrialOptions,
  ) {
    const { series, base, name, commits, extent } = input;
    const context = { signal: run.signal, onProgress: () => undefined };
    const patches = series.patches.map(({ text }) => text);
    this.kernels = defineSeries({ base, name, patches, commits, extent }, context);
    this.report = {
      schema: TRY_SCHEMA,
      lab: labVersion(),
      startedAt: new Date(this.began).toISOString(),
      took: 0,
      series: {
        title: series.title,
        version: series.version,
        from: input.from,
        patches: series.patches.map(({ title, files }) => ({ title, files: files.map(({ path }) => path) })),
        notes: series.notes,
      },
      base: { name: commits === null ? base : commits.base.slice(0, 12), release: null, sha256: '' },
      patched: null,
      small: extent === 'core',
      areas: input.choice.areas,
      stop: null,
      abi: null,
      rows: [],
      findings: [],
      command: options.command,
    };
  }

  async result(): Promise<TryReport> {
    await this.fill();
    return { ...this.report, took: Math.round((Date.now() - this.began) / 1000) };
  }

  private async fill(): Promise<void> {
    const { input, report, run, kernels } = this;
    const { signal } = run;
    if (input.commits === null && (report.stop = await applyAll(kernels, input.series, { signal })) !== null) return;
    const base =
      input.commits === null ? await buildBase(input.base, input.extent, { signal }) : await this.buildCommit();
    report.base = kernelOf(report.base.name, base);
    const built = await buildWith(kernels, this.count, 'kernel with the series', { signal });
    if (built.failure !== null) {
      const stop = buildStop(built.failure, input.series);
      report.stop = { ...stop, patch: await this.firstUnbuilt() };
      return;
    }
    report.patched = kernelOf(`${report.base.name} with ${patchCount(this.count)}`, built.image);
    report.abi = await abiOf(this.path(0), this.path(this.count), signal);
    const matrix = await this.matrix(this.count, input.scenarios);
    await matrix.run(({ scenario, kernels: pair }) => this.isProbe(scenario) && pairOf(pair, this.path(0)) === LAST);
    report.rows = matrix.rows();
    report.stop = await this.bootStop();
    if (report.stop !== null) return;
    await matrix.run(() => true);
    report.rows = [...matrix.rows(), ...(await this.selftestRows(this.count))];
    report.findings = await this.findings();
  }

  private get count(): number {
    return this.input.series.patches.length;
  }

  private path(count: number): string {
    return this.kernels.kernels[count] ?? '';
  }

  /** The commit under the series has no other definition than this one. */
  private async buildCommit(): Promise<KernelImage> {
    const built = await buildWith(this.kernels, 0, 'kernel under the series', this.run);
    if (built.failure !== null) throw built.failure;
    return built.image;
  }

  private isProbe(scenario: string): boolean {
    return scenarioName(scenario) === scenarioName(PROBE);
  }

  /** All pairs of the base and its first `count` patches. */
  private async matrix(count: number, scenarios: readonly string[], whose: 'given' | 'written-here' = 'given') {
    const { folder } = this.kernels;
    const [base, patched] = [this.path(0), this.path(count)];
    const part = count === this.count ? '' : `-${count}of${this.count}`;
    const plan = planOf({
      name: `try-${this.input.name}${whose === 'given' ? '' : '-tests'}${part}`,
      folder,
      chains: TRY_PAIRS.map((pair) => {
        const [from, to] = pair.split(' -> ').map((role) => (role === 'base' ? base : patched));
        return [from ?? base, to ?? base] as const;
      }),
      scenarios,
      jobs: this.run.options.jobs ?? null,
      timeout: this.options.timeout,
    });
    const options = whose === 'given' ? this.run.options : { ...this.run.options, trust: true };
    const open = await openMatrix(plan, { ...this.run, options });
    return {
      run: open.run,
      rows: (): TryRow[] =>
        open
          .results()
          .map((result) => rowOf(result, scenarioName(result.scenario), pairOf(result.kernels, base)))
          .filter(({ state }) => count === this.count || state !== 'pending'),
    };
  }

  /** The tests that the series changes, from its own tree, on all pairs. */
  private async selftestRows(count: number): Promise<TryRow[]> {
    const { selftests } = this.input.choice;
    if (selftests.length === 0) return [];
    const tree = this.path(this.count);
    const listed = await listKselftests(tree, { signal: this.run.signal, onProgress: () => undefined });
    const files = changedTests(listed, selftests).map((test) => {
      const file = join(this.kernels.folder, 'scenarios', `${test.name}.yaml`);
      replaceFile(file, selftestScenario(tree, test, [this.path(0), tree]));
      return file;
    });
    if (files.length === 0) return [];
    // The lab wrote these scenarios itself. They name a kernel by its path.
    const matrix = await this.matrix(count, files, 'written-here');
    await matrix.run(() => true);
    return matrix.rows().map((row) => ({ ...row, scenario: `${OWN}${row.scenario}` }));
  }

  /** Null if the kernel with the series boots, or if nobody could see it. */
  private async bootStop(): Promise<TryStop | null> {
    const { results } = this.run.options;
    const row = this.report.rows.find(({ pair, run }) => pair === LAST && run !== null);
    const result = row?.run === undefined || row.run === null ? null : resultOf(row.run, results);
    if (row === undefined || result === null || result.outcome === 'infra' || cameUp(result)) return null;
    const patch = await this.search([LAST], async (count) => {
      const matrix = await this.matrix(count, [PROBE]);
      await matrix.run(({ kernels }) => pairOf(kernels, this.path(0)) === LAST);
      const run = matrix.rows().find(({ pair }) => pair === LAST)?.run ?? null;
      const ended = run === null ? null : resultOf(run, results);
      return new Map([[LAST, ended === null || ended.outcome === 'infra' ? null : !cameUp(ended)]]);
    });
    return {
      kind: 'does-not-boot',
      title: row.title,
      evidence: evidenceOf(row.run, results),
      run: row.run,
      patch: patch.get(LAST) ?? null,
    };
  }

  private async firstUnbuilt(): Promise<Blamed | null> {
    const found = await this.search(['build'], (count) => this.tryBuild(count, ['build']));
    return found.get('build') ?? null;
  }

  private async tryBuild<Q>(count: number, questions: readonly Q[]): Promise<Map<Q, boolean | null>> {
    const { failure } = await this.buildFirst(count);
    return new Map(questions.map((question) => [question, failure !== null]));
  }

  private buildFirst(count: number) {
    return buildWith(this.kernels, count, `kernel with ${count} of ${this.count} patches`, this.run);
  }

  private async findings(): Promise<TryFinding[]> {
    const { rows } = this.report;
    const all = differences(rows);
    const worse = all.filter((difference) => difference.isWorse && !difference.rows.some(isSelftest));
    const patches = await this.search(worse, (count, open) => this.tryRuns(count, open));
    return all.map((difference) => findingOf(difference, patches.get(difference) ?? null, this.run.options.results));
  }

  /** Runs one scenario of each difference with the first patches. */
  private async tryRuns(count: number, open: readonly Difference[]): Promise<Map<Difference, boolean | null>> {
    const unknown = new Map(open.map((difference) => [difference, null as boolean | null]));
    if ((await this.buildFirst(count)).failure !== null) return unknown;
    const wanted = open.map(({ pair, rows }) => ({ pair, scenario: rows[0]?.scenario ?? '' }));
    const files = this.input.scenarios.filter((file) => wanted.some(({ scenario }) => scenario === scenarioName(file)));
    const matrix = await this.matrix(count, files);
    await matrix.run((cell) =>
      wanted.some(
        ({ pair, scenario }) => scenario === scenarioName(cell.scenario) && pair === pairOf(cell.kernels, this.path(0)),
      ),
    );
    const rows = matrix.rows();
    return new Map(
      open.map((difference, index) => {
        const { pair, scenario } = wanted[index] ?? { pair: LAST, scenario: '' };
        const row = rows.find((each) => each.pair === pair && each.scenario === scenario);
        const control = this.report.rows.find((each) => each.pair === 'base -> base' && each.scenario === scenario);
        return [difference, row === undefined || control === undefined ? null : isWorse(row, control)];
      }),
    );
  }

  private async search<Q>(
    questions: readonly Q[],
    attempt: (count: number, open: readonly Q[]) => Promise<Map<Q, boolean | null>>,
  ): Promise<Map<Q, Blamed>> {
    if (!this.options.search || questions.length === 0) return new Map();
    return firstBad(this.count, questions, attempt);
  }
}

/** Runs the trial with the settings of the command line. */
export function startTrial(input: Input, run: Omit<CellRun, 'key'>, options: TrialOptions): Trial {
  return new Trial(input, { ...run, key: takeQueueKey(process.env) }, options);
}

/** Before the name of a test that the series brings. */
const OWN = 'its own ';

const isSelftest = ({ scenario }: TryRow): boolean => scenario.startsWith(OWN);

function pairOf(kernels: readonly string[], base: string): TryRow['pair'] {
  const role = (kernel: string | undefined) => (kernel === base ? 'base' : 'series');
  const pair = `${role(kernels[0])} -> ${role(kernels.at(-1))}`;
  return TRY_PAIRS.find((known) => known === pair) ?? LAST;
}

function kernelOf(name: string, { release, sha256 }: KernelImage): TryKernel {
  return { name, release, sha256 };
}

const patchCount = (count: number): string => (count === 1 ? '1 patch' : `${count} patches`);
