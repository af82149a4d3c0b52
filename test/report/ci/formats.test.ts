// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { junit } from '../../../src/report/ci/junit.js';
import { kcidb } from '../../../src/report/ci/kcidb.js';
import { ktap } from '../../../src/report/ci/ktap.js';
import { markdown } from '../../../src/report/ci/markdown.js';
import { diffNights } from '../../../src/report/night/diff.js';
import { countsOf, exitStatusOf } from '../../../src/report/night/counts.js';
import { rerunCommand } from '../../../src/report/night/pair-result.js';
import { EVIL, nightOf } from '../night.js';
import { incident, resultOf } from '../result.js';

const NIGHT = nightOf({
  good: ['preserved', 'preserved'],
  bad: ['panic:T'],
  shaky: ['preserved', 'lost:U'],
  lab: ['infra:I'],
  later: [null],
  stuck: ['hang:H'],
});
const HOSTILE = nightOf({ [`${EVIL}`]: [`panic:${EVIL}`] }, [EVIL, EVIL]);

const evilResult = () =>
  resultOf('panic', {
    cause: incident('panic', { title: EVIL, detail: EVIL }),
    predicted: null,
    cases: [{ epoch: 0, test: EVIL, name: EVIL, state: 'fail', detail: `${EVIL}\nok 1 x # SKIP` }],
  });

describe('JUnit', () => {
  const xml = junit(NIGHT, (run) => resultOf('panic', { cause: incident('panic', { detail: `detail of ${run}` }) }));
  it('has each case once, by classname and name', () => {
    const cases = [...xml.matchAll(/<testcase classname="([^"]*)" name="([^"]*)"/g)].map(
      ([, classname, name]) => `${classname} ${name}`,
    );
    expect(cases).toEqual(
      ['good', 'bad', 'shaky', 'lab', 'later', 'stuck'].map((name) => `liveupdate.7.2.12 -> 7.3.4 ${name}`),
    );
    expect(new Set(cases).size).toBe(cases.length);
  });
  it("counts what failed, what is the lab's own, and what was not run", () =>
    expect(xml).toMatch(/<testsuite name="7.2.12 -> 7.3.4" [^>]*tests="6" failures="3" errors="1" skipped="1"/));
  it('has the detail in the body', () => {
    const failure = /<failure message="panic, expected preserved" type="panic">([\s\S]*?)<\/failure>/.exec(xml)?.[1];
    expect(failure).toMatch(
      /T[\s\S]*?detail of run-bad-1[\s\S]*?again: lab run scenarios\/bad.yaml --from 7.2.12 --to 7.3.4/,
    );
    expect(xml).toContain('flaky: 1 preserved, 1 lost, expected preserved');
  });
  it('stays well-formed, whatever a machine says', () => {
    const hostile = junit(HOSTILE, evilResult);
    // oxlint-disable-next-line no-control-regex
    expect(hostile).not.toMatch(/[\x00-\x08\x0b\x0c\x0e-\x1f\u202e]/);
    // Outside of CDATA no tag of theirs is one.
    const outside = hostile.replace(/<!\[CDATA\[[\s\S]*?\]\]>/g, '').replace(/="[^"<]*"/g, '');
    expect(outside).not.toMatch(/<(script|img|\/code)/);
    expect(
      [...outside.matchAll(/<(\/?)(\w+)[^<>]*?(\/?)>/g)].reduce(
        (depth, [, close, , self]) => depth + (close === '/' ? -1 : self === '/' ? 0 : 1),
        0,
      ),
    ).toBe(0);
  });
});

describe('KTAP', () => {
  const text = ktap(NIGHT, () => null);
  it('has a plan, a test a pair and a subtest a scenario', () => {
    expect(text.split('\n').filter((line) => !line.includes('# ') || /^ *(not )?ok/.test(line))).toEqual([
      'KTAP version 1',
      '1..1',
      '  KTAP version 1',
      '  1..6',
      '  ok 1 good',
      '  not ok 2 bad',
      '  not ok 3 shaky',
      '  not ok 4 lab # ERROR the lab failed',
      '  ok 5 later # SKIP not run',
      '  not ok 6 stuck # TIMEOUT',
      'not ok 1 7.2.12 -> 7.3.4',
      '',
    ]);
  });
  it('lets no name be a directive or a line', () => {
    const lines = ktap(HOSTILE, evilResult)
      .split('\n')
      .filter((line) => /^ *(not )?ok \d/.test(line));
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).not.toContain('#');
  });
});

describe('KCIDB', () => {
  const check = new Ajv({
    strict: false,
    formats: { 'date-time': (text: string) => !Number.isNaN(Date.parse(text)) },
  }).compile(JSON.parse(readFileSync(join(import.meta.dirname, 'kcidb-5.3.schema.json'), 'utf8')));
  const of = (run: string) =>
    run === 'run-bad-1' ? resultOf('panic', { cause: incident('panic', { detail: 'x'.repeat(40_000) }) }) : null;
  it.each([
    ['a night', kcidb(NIGHT, of, 'lab_1')],
    ['what a hostile machine says', kcidb(HOSTILE, evilResult, 'lab')],
  ])('of %s has the form of version 5.3', (_, json) => {
    check(JSON.parse(JSON.stringify(json)));
    expect(check.errors).toBeNull();
    expect(JSON.stringify(json)).not.toContain(':null');
  });
  it('has a test a repeat, on the build that takes over, and the pair beside it', () => {
    const json = kcidb(NIGHT, of, 'lab_1') as {
      tests: { id: string; status: string; path: string; build_id: string; misc: Record<string, unknown> }[];
      builds: { id: string }[];
      issues: unknown[];
      incidents: { test_id: string }[];
    };
    expect(json.tests.map(({ path, status }) => `${path} ${status}`)).toEqual([
      'liveupdate.good PASS',
      'liveupdate.good PASS',
      'liveupdate.bad FAIL',
      'liveupdate.shaky PASS',
      'liveupdate.shaky FAIL',
      'liveupdate.lab ERROR',
      'liveupdate.later MISS',
      'liveupdate.stuck FAIL',
    ]);
    expect(new Set(json.tests.map(({ id }) => id)).size).toBe(8);
    const builds = json.builds.map(({ id }) => id);
    for (const { build_id: build, misc } of json.tests)
      expect([build, misc['from_build_id']].every((id) => builds.includes(id as string))).toBe(true);
    expect(json.issues).toHaveLength(3);
    expect(json.incidents).toHaveLength(3);
  });
});

describe('Markdown', () => {
  it('says the verdict, the changes, the failures and the commands', () => {
    const text = markdown(NIGHT, diffNights(nightOf({ good: ['preserved', 'preserved'], bad: ['preserved'] }), NIGHT));
    expect(text).toContain('## 3 of 6 did not end as expected');
    expect(text).toContain('| new | 7.2.12 -&gt; 7.3.4 | bad | preserved | panic |');
    expect(text).toContain('lab run scenarios/bad.yaml --from 7.2.12 --to 7.3.4');
    expect(text).toContain('### No verdict');
  });
  it('is text and nothing else, whatever a machine says', () => {
    const text = markdown(HOSTILE, null);
    const [prose = ''] = text.split('```sh');
    expect(prose).not.toMatch(/<script|<img|\]\(|\x60/);
    expect(text.split('```')).toHaveLength(3);
    expect(
      prose
        .split('\n')
        .filter((line) => line.startsWith('| '))
        .map((line) => line.split('|').length),
    ).toEqual([7, 7]);
  });
  it('stays short', () => {
    const many = nightOf(
      Object.fromEntries(Array.from({ length: 3000 }, (_, at) => [`s${at}`, [`panic:${'t'.repeat(2000)}`]])),
    );
    expect(markdown(many, diffNights(nightOf({}), many)).length).toBeLessThan(200_000);
  });
});

describe('a night in numbers', () => {
  it.each([
    [{ a: ['preserved'] }, 0],
    [{ a: ['preserved'], b: ['panic'] }, 1],
    [{ a: ['infra'] }, 3],
    [{ a: [null] }, 3],
    [{ a: ['infra'], b: ['panic'] }, 1],
    [{ a: ['preserved', 'panic'] }, 1],
    [{}, 0],
  ])('%j has exit status %i', (pairResults, status) => {
    expect(exitStatusOf(countsOf(nightOf(pairResults).pairResults))).toBe(status);
  });
  it('names a command that a shell takes as it is meant', () => {
    expect(rerunCommand({ scenario: "it's $(here).yaml", kernels: ['a b', 'c'] })).toBe(
      "lab run 'it'\\''s $(here).yaml' --from 'a b' --to c",
    );
    expect(rerunCommand({ scenario: 'chain.yaml', kernels: ['a', 'b', 'c'] })).toBe('lab run chain.yaml');
  });
});
