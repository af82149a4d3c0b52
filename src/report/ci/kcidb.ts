// SPDX-License-Identifier: Apache-2.0
// A night for KernelCI's database, in version 5.3 of its schema (kernelci/kcidb-io, kcidb_io/schema/v05_03.py). A
// kernel becomes a build. A repeat becomes a test of the build that takes over, and each case of upstream's own tests
// one of the build that it ran on. A title becomes an issue, with an incident for each test that showed it. The schema
// allows no null and no additional properties.
import { createHash } from 'node:crypto';
import type { Attempt, PairResult } from '../../model/result/matrix.js';
import type { KernelOfResult, Result } from '../../model/result/result.js';
import type { NightlyReport } from '../../store/matrix/nightly-report.js';
import { lastAttempts } from '../../store/matrix/pair-results.js';
import { printable } from '../../util/text/escape.js';
import { rerunCommand, chainText, expectedText, scenarioName } from '../night/pair-result.js';
import { caseState, type ResultOf, type PairResultCase } from './cases.js';

export const KCIDB_VERSION = { major: 5, minor: 3 } as const;
/** Names that the schema allows for the reporting system. */
export const KCIDB_ORIGIN = /^[a-z0-9_]+$/;
const MAX_EXCERPT = 16384;

type Json = Record<string, unknown>;

/** @param origin name of the reporting system; must match KCIDB_ORIGIN */
export function kcidb(night: NightlyReport, resultOf: ResultOf, origin: string): Json {
  const report = new Report(night, origin);
  const last = lastAttempts(night.attempts);
  for (const pairResult of night.pairResults) {
    for (const { id, repeat } of pairResult.cells) {
      const attempt = last.get(id) ?? null;
      report.test(pairResult, id, repeat, attempt, attempt?.run == null ? null : resultOf(attempt.run));
    }
  }
  return report.json();
}

class Report {
  private readonly checkouts = new Map<string, Json>();
  private readonly builds = new Map<string, Json>();
  private readonly issues = new Map<string, Json>();
  private readonly tests: Json[] = [];
  private readonly incidents: Json[] = [];

  constructor(
    private readonly night: NightlyReport,
    private readonly origin: string,
  ) {}

  json(): Json {
    return {
      version: KCIDB_VERSION,
      checkouts: [...this.checkouts.values()],
      builds: [...this.builds.values()],
      tests: this.tests,
      issues: [...this.issues.values()],
      incidents: this.incidents,
    };
  }

  test(pairResult: PairResult, cell: string, repeat: number, attempt: Attempt | null, result: Result | null): void {
    const builds = pairResult.kernels.map((name, epoch) => this.build(name, result?.kernels[epoch] ?? null));
    const id = `${this.origin}:${printable(`${this.night.id}:${cell}`)}`;
    const detail = result?.cause?.detail ?? '';
    this.tests.push({
      id,
      origin: this.origin,
      build_id: builds.at(-1),
      path: pathOf(pairResult.scenario),
      status: statusOf(attempt),
      comment: clean(`${scenarioName(pairResult.scenario)}, ${chainText(pairResult.kernels)}`),
      ...(attempt === null ? {} : { start_time: attempt.startedAt, duration: attempt.ms / 1000 }),
      ...(detail === '' ? {} : { log_excerpt: clean(detail).slice(0, MAX_EXCERPT) }),
      environment: {
        comment: result === null ? 'QEMU' : clean(`QEMU ${result.qemu.version}, ${result.qemu.accel}`),
        misc: { lab: this.night.labVersion },
      },
      misc: {
        from_build_id: builds[0],
        to_build_id: builds.at(-1),
        kernels: pairResult.kernels,
        repeat,
        expected: expectedText(pairResult),
        matrix: this.night.id,
        again: rerunCommand(pairResult),
        ...(attempt === null
          ? {}
          : {
              outcome: attempt.outcome,
              ends_in: attempt.endsIn,
              ...(attempt.run === null ? {} : { run: attempt.run }),
              ...(attempt.title === null ? {} : { title: clean(attempt.title) }),
            }),
        ...(result === null
          ? {}
          : {
              predicted: result.predicted?.outcome ?? 'unknown',
              predicted_hit: result.predicted?.hit ?? 'unknown',
              mismatches: result.mismatches.map(({ component, wrote, reads, endsIn }) => ({
                component,
                wrote: wrote ?? 'none',
                reads,
                ends_in: endsIn,
              })),
            }),
      },
    });
    for (const [at, each] of (result?.cases ?? []).entries()) {
      const state = caseState(each, attempt?.asExpected === true);
      this.tests.push({
        id: `${id}:${at + 1}`,
        origin: this.origin,
        build_id: builds[each.epoch] ?? builds.at(-1),
        path: [pathOf(pairResult.scenario), ...levels(each.name.split('/'))].join('.'),
        status: CASE_STATUS[state],
        comment: clean(`${each.test}: ${each.name}, epoch ${each.epoch} of ${chainText(pairResult.kernels)}`),
        ...(each.detail === '' ? {} : { log_excerpt: clean(each.detail).slice(0, MAX_EXCERPT) }),
        misc: {
          test_id: id,
          kernel: pairResult.kernels[each.epoch] ?? 'unknown',
          epoch: each.epoch,
          state,
          from_build_id: builds[0],
          to_build_id: builds.at(-1),
        },
      });
    }
    if (attempt !== null && attempt.title !== null && attempt.outcome !== 'infra' && !attempt.asExpected)
      this.incident(id, attempt.title);
  }

  /** Returns its id: by content where that is known, else by name. */
  private build(name: string, kernel: KernelOfResult | null): string {
    const id = `${this.origin}:${kernel === null ? printable(name) : kernel.sha256}`;
    const checkout = `${this.origin}:${printable(name)}`;
    if (!this.checkouts.has(checkout))
      this.checkouts.set(checkout, { id: checkout, origin: this.origin, comment: clean(`Linux ${name}`), valid: true });
    if (!this.builds.has(id)) {
      this.builds.set(id, {
        id,
        origin: this.origin,
        checkout_id: checkout,
        architecture: 'x86_64',
        status: 'PASS',
        config_name: clean(name),
        comment: clean(name),
        ...(kernel === null
          ? {}
          : {
              misc: {
                sha256: kernel.sha256,
                release: kernel.release ?? 'unknown',
                components: kernel.components.map(({ name: part, version }) => `${part}-v${version}`),
              },
            }),
      });
    }
    return id;
  }

  private incident(test: string, title: string): void {
    const hash = createHash('sha256').update(title).digest('hex').slice(0, 32);
    const issue = `${this.origin}:${hash}`;
    if (!this.issues.has(issue))
      this.issues.set(issue, {
        id: issue,
        version: 1,
        origin: this.origin,
        report_subject: clean(title),
        culprit: { code: true, tool: false, harness: false },
        comment: clean(title),
      });
    this.incidents.push({
      id: `${test}:${hash}`,
      origin: this.origin,
      issue_id: issue,
      issue_version: 1,
      test_id: test,
      present: true,
    });
  }
}

/** A hang is a verdict, and the lab's own failure is none. */
function statusOf(attempt: Attempt | null): 'PASS' | 'FAIL' | 'ERROR' | 'MISS' {
  if (attempt === null) return 'MISS';
  if (attempt.asExpected) return 'PASS';
  return attempt.outcome === 'infra' ? 'ERROR' : 'FAIL';
}

/** What was to fail is no success either: the form's DONE is neither. */
const CASE_STATUS: Readonly<Record<PairResultCase['state'], 'PASS' | 'FAIL' | 'SKIP' | 'DONE'>> = {
  pass: 'PASS',
  fail: 'FAIL',
  skip: 'SKIP',
  xfail: 'DONE',
};

function pathOf(scenario: string): string {
  return levels(['liveupdate', ...scenarioName(scenario).split('/')]).join('.');
}

/** The levels of a path are separated by dots, so a level must not contain one. */
function levels(words: readonly string[]): string[] {
  return words.map((level) => level.replace(/[^A-Za-z0-9_-]+/g, '_')).filter((level) => level !== '');
}

/** The schema allows every character except this one. */
function clean(text: string): string {
  return text.replaceAll('\0', '');
}
