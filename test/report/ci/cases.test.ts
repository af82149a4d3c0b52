// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import type { CaseOfResult } from '../../../src/model/scenario/selftest.js';
import { casesOfPairResult } from '../../../src/report/ci/cases.js';
import { junit } from '../../../src/report/ci/junit.js';
import { kcidb } from '../../../src/report/ci/kcidb.js';
import { ktap } from '../../../src/report/ci/ktap.js';
import { parseKtap } from '../../../src/util/text/ktap.js';
import { nightOf } from '../night.js';
import { resultOf } from '../result.js';

const of = (epoch: number, name: string, state: CaseOfResult['state'], detail = ''): CaseOfResult => ({
  epoch,
  test: 'luo_x',
  name,
  state,
  detail,
});
/** `good` and `two` ended as expected, though a stage of `good` failed; `bad` did not. `two` was run twice. */
const NIGHT = nightOf({ good: ['preserved'], bad: ['lost:T'], two: ['preserved', 'preserved'], plain: ['preserved'] });
const CASES: Readonly<Record<string, CaseOfResult[]>> = {
  'run-good-1': [of(0, 'stage 1', 'pass'), of(1, 'stage 2', 'fail', 'no state session')],
  'run-bad-1': [
    of(0, 'dev/open', 'pass'),
    of(0, 'dev.twice', 'skip', 'no device'),
    of(1, 'dev/open', 'fail', 'row one\nok 7 row two # SKIP'),
    of(1, 'dev/open', 'pass'),
  ],
  'run-two-1': [of(0, 'stage 1', 'pass')],
  'run-two-2': [of(0, 'stage 1', 'pass')],
};
const read = (run: string) => resultOf('preserved', { cases: CASES[run] ?? [] });
const [good, bad, two, plain] = NIGHT.pairResults as [
  (typeof NIGHT.pairResults)[0],
  (typeof NIGHT.pairResults)[0],
  (typeof NIGHT.pairResults)[0],
  (typeof NIGHT.pairResults)[0],
];

describe('cases of a pair result', () => {
  const labels = (pairResult: typeof good) =>
    casesOfPairResult(pairResult, read).map(({ label, state }) => `${label} ${state}`);
  it('have each a name of their own', () => {
    expect(labels(bad)).toEqual([
      'luo_x: dev/open (epoch 0, 7.2.12) pass',
      'luo_x: dev.twice (epoch 0, 7.2.12) skip',
      'luo_x: dev/open (epoch 1, 7.3.4) fail',
      'luo_x: dev/open (epoch 1, 7.3.4) [2] pass',
    ]);
    expect(labels(two)).toEqual([
      'luo_x: stage 1 (epoch 0, 7.2.12, repeat 1) pass',
      'luo_x: stage 1 (epoch 0, 7.2.12, repeat 2) pass',
    ]);
    expect(labels(plain)).toEqual([]);
    expect(casesOfPairResult(good, () => null)).toEqual([]);
  });
  it('that failed where that was to be say so', () =>
    expect(labels(good)[1]).toBe('luo_x: stage 2 (epoch 1, 7.3.4) xfail'));
});

it('in JUnit are cases of their own, each once by classname and name', () => {
  const xml = junit(NIGHT, read);
  const names = [...xml.matchAll(/<testcase classname="([^"]*)" name="([^"]*)"/g)].map(
    ([, classname, name]) => `${classname} ${name}`,
  );
  expect(names).toHaveLength(4 + 8);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toContain('liveupdate.7.2.12 -> 7.3.4.bad luo_x: dev/open (epoch 1, 7.3.4)');
  // The pair result and its case failed; what was to fail and what was skipped are skipped.
  expect(xml).toMatch(/<testsuite name="7.2.12 -> 7.3.4" [^>]*tests="12" failures="2" errors="0" skipped="2"/);
  const skipped = /stage 2 \(epoch 1, 7.3.4\)"[^>]*>\s*<skipped\/>\s*<system-out>\s*<!\[CDATA\[([^\]]*)\]\]>/.exec(xml);
  expect(skipped?.[1]).toBe('failed, as the update was to end\nno state session');
});

it('in KTAP are subtests of the scenario, and say of themselves what was read', () => {
  const text = ktap(NIGHT, read);
  expect(text.split('\n').slice(6, 13)).toEqual([
    '    KTAP version 1',
    '    # Subtest: good',
    '    1..2',
    '    ok 1 luo_x: stage 1 (epoch 0, 7.2.12)',
    '    # no state session',
    '    ok 2 luo_x: stage 2 (epoch 1, 7.3.4) # XFAIL as the update was to end',
    '  ok 1 good',
  ]);
  const { cases } = parseKtap(text);
  expect(cases.map(({ path, state }) => `${path.length} ${path.at(-1)} ${state}`)).toEqual([
    '3 luo_x: stage 1 (epoch 0, 7.2.12) pass',
    '3 luo_x: stage 2 (epoch 1, 7.3.4) pass',
    '3 luo_x: dev/open (epoch 0, 7.2.12) pass',
    '3 luo_x: dev.twice (epoch 0, 7.2.12) skip',
    '3 luo_x: dev/open (epoch 1, 7.3.4) fail',
    '3 luo_x: dev/open (epoch 1, 7.3.4) [2] pass',
    '3 luo_x: stage 1 (epoch 0, 7.2.12, repeat 1) pass',
    '3 luo_x: stage 1 (epoch 0, 7.2.12, repeat 2) pass',
    '2 plain pass',
  ]);
});

it('in KCIDB are tests below that of the scenario, on the build that they ran on', () => {
  const json = JSON.parse(JSON.stringify(kcidb(NIGHT, read, 'lab'))) as {
    tests: { id: string; path: string; status: string; build_id: string; misc: Record<string, unknown> }[];
    builds: { id: string }[];
  };
  const check = new Ajv({ strict: false, formats: { 'date-time': true } }).compile(
    JSON.parse(readFileSync(join(import.meta.dirname, 'kcidb-5.3.schema.json'), 'utf8')),
  );
  check(json);
  expect(check.errors).toBeNull();
  expect(json.tests.map(({ path, status }) => `${path} ${status}`)).toEqual([
    'liveupdate.good PASS',
    'liveupdate.good.stage_1 PASS',
    'liveupdate.good.stage_2 DONE',
    'liveupdate.bad FAIL',
    'liveupdate.bad.dev.open PASS',
    'liveupdate.bad.dev_twice SKIP',
    'liveupdate.bad.dev.open FAIL',
    'liveupdate.bad.dev.open PASS',
    'liveupdate.two PASS',
    'liveupdate.two.stage_1 PASS',
    'liveupdate.two PASS',
    'liveupdate.two.stage_1 PASS',
    'liveupdate.plain PASS',
  ]);
  expect(new Set(json.tests.map(({ id }) => id)).size).toBe(json.tests.length);
  const builds = json.builds.map(({ id }) => id);
  for (const { build_id: build, misc } of json.tests) {
    expect(builds).toContain(build);
    if (misc['test_id'] !== undefined) expect(json.tests.map(({ id }) => id)).toContain(misc['test_id']);
  }
});
