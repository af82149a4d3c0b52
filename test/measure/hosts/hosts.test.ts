// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { installLineIn, runRowOf } from '../../../src/measure/hosts/check.js';
import { enterArgs } from '../../../src/measure/hosts/enter.js';
import { mirrorIn, transportSettings } from '../../../src/measure/hosts/mirror.js';
import { plansOf, readOptions } from '../../../src/measure/hosts/options.js';
import { complaintsOf, type HostRow, isGood, lookedIn, type RunRow, tableOf } from '../../../src/measure/hosts/row.js';
import { SCENARIOS } from '../../../src/measure/hosts/scenarios.js';
import { testsIn } from '../../../src/measure/hosts/tests.js';
import { installLine } from '../../../src/images/index.js';
import { packageRoot } from '../../../src/util/package-root.js';

describe('the arguments', () => {
  it('give every suite with every user, and Nodes in turn', () => {
    expect(plansOf(['bookworm', 'forky'], ['20', '22', '24'], ['user', 'root'])).toEqual([
      { suite: 'bookworm', user: 'user', node: '20' },
      { suite: 'bookworm', user: 'root', node: '22' },
      { suite: 'forky', user: 'user', node: '24' },
      { suite: 'forky', user: 'root', node: '20' },
    ]);
  });

  it('have the three releases, all Nodes and both users by default', () => {
    const { plans, scenarios, readme, cold } = readOptions([]);
    expect(plans.map(({ suite }) => suite)).toEqual(['bookworm', 'bookworm', 'trixie', 'trixie', 'forky', 'forky']);
    expect(new Set(plans.map(({ node }) => node))).toEqual(new Set(['20', '22', '24', '26']));
    expect({ scenarios, readme, cold }).toEqual({ scenarios: SCENARIOS, readme: 'both', cold: false });
  });

  it.each([
    [['--suites', '../etc'], 'suite ../etc'],
    [['--node', '20;id'], 'node 20;id'],
    [['--users', 'nobody'], 'user nobody'],
    [['--suites', ''], 'at least one suite'],
    [['--readme', 'none'], 'expected first or both'],
  ])('%j are refused', (args, message) => expect(() => readOptions(args)).toThrow(message));
});

describe('the scenarios', () => {
  it.each(SCENARIOS)('%s exists', (name) => expect(existsSync(join(packageRoot(), 'scenarios', name))).toBe(true));
});

const run = (more: Partial<RunRow>): RunRow => ({
  scenario: 'a.yaml',
  outcome: 'preserved',
  asExpected: true,
  seconds: 1,
  detail: null,
  looked: ['inside', 'taint'],
  blind: [],
  ...more,
});
const ROW: HostRow = {
  host: 'trixie, user',
  suite: 'trixie',
  user: 'user',
  qemu: '10.0.13',
  node: '22.23.3',
  npm: '10.9.9',
  accel: 'tcg',
  installLine: null,
  failure: null,
  readme: [{ command: 'npm ci', ok: true, seconds: 61.4, tests: null, detail: '' }],
  runs: [run({}), run({ scenario: 'b.yaml', looked: ['iommu'] })],
};

describe('the table', () => {
  it('has a row a host', () =>
    expect(tableOf([ROW]).split('\n').at(-1)).toBe(
      '| trixie, user: QEMU 10.0.13 (tcg), Node 22.23.3 ' +
        '| README works (61 s), 2 of 2 scenarios correct | inside, taint, iommu |',
    ));

  it('says when all witnesses looked', () => {
    const all = run({ looked: ['inside', 'outside', 'marks', 'page-state', 'taint', 'iommu', 'guest'] });
    expect(tableOf([{ ...ROW, runs: [all] }])).toContain('| all 7 |');
    expect(lookedIn([all])).toHaveLength(7);
  });

  it('shows a host that could not be measured', () =>
    expect(tableOf([{ ...ROW, qemu: null, runs: [], failure: 'no Debian' }])).toContain(
      'QEMU unknown (tcg), Node 22.23.3 | README works (61 s), no Debian | none |',
    ));

  it('counts a wrong scenario, and says which', () => {
    const bad = { ...ROW, runs: [run({}), run({ asExpected: false, outcome: 'infra', detail: 'blind' })] };
    expect(tableOf([bad])).toContain('1 of 2 scenarios correct');
    expect(isGood(bad)).toBe(false);
    expect(complaintsOf(bad)).toEqual(['trixie, user: a.yaml: infra: blind']);
    expect(isGood(ROW)).toBe(true);
  });

  it('counts the tests, and names those that failed', () => {
    const tests = { passed: 810, failed: 1, skipped: 2, failures: ['|unit| test/a.test.ts > it'] };
    const npmTest = { command: 'npm test', ok: false, seconds: 900, tests, detail: 'no' };
    const bad = { ...ROW, readme: [...ROW.readme, npmTest] };
    expect(tableOf([bad])).toContain('| README works (61 s), 810 tests passed, 1 failed, 2 skipped (900 s), 2 of 2 ');
    expect(complaintsOf(bad)).toEqual([
      'trixie, user: npm test: no',
      'trixie, user: failed: |unit| test/a.test.ts > it',
    ]);
  });

  it('is not good with a failed command', () =>
    expect(isGood({ ...ROW, readme: [{ command: 'x', ok: false, seconds: 1, tests: null, detail: 'no' }] })).toBe(
      false,
    ));
});

describe('the end of npm test', () => {
  const failure = '\u001b[41m\u001b[1m FAIL \u001b[22m\u001b[49m |unit| test/a.test.ts > is so\n';

  it('gives its counts and the failed tests once each', () =>
    expect(testsIn(`1 passed, 0 failed\n${failure}more\n${failure}807 passed, 1 failed, 3 skipped\n`)).toEqual({
      passed: 807,
      failed: 1,
      skipped: 3,
      failures: ['|unit| test/a.test.ts > is so'],
    }));

  it('is the line that npm test prints', () => {
    expect(readFileSync(join(packageRoot(), 'bin/test.js'), 'utf8')).toContain(' passed, ${failed} failed');
    expect(testsIn('12 passed, 0 failed\n')).toMatchObject({ passed: 12, failed: 0, skipped: 0, failures: [] });
  });

  it('is nothing where no tests ran', () => expect(testsIn('PRESERVED  first update')).toBeNull());
});

describe('a run', () => {
  const witness = { counted: 1, why: null, waived: false, required: true, looked: true };

  it('lists needed witnesses that looked, and those that were blind', () =>
    expect(
      runRowOf(
        'a.yaml',
        {
          outcome: 'infra',
          asExpected: false,
          cause: null,
          witnesses: {
            taint: witness,
            guest: { ...witness, required: false },
            iommu: { ...witness, looked: false, why: 'no trace' },
          },
        },
        2,
      ),
    ).toMatchObject({ looked: ['taint'], blind: [{ witness: 'iommu', why: 'no trace' }] }));

  it.each([
    ['', 'no stop at the jump'],
    ['more', 'no stop at the jump: more'],
  ])('says why it did not end as expected (detail %j)', (detail, text) => {
    const cause = {
      epoch: 0,
      t: 1,
      source: 'lab',
      side: 'outside',
      implies: 'infra',
      title: 'no stop at the jump',
    } as const;
    const result = { outcome: 'infra', witnesses: {}, cause: { ...cause, detail } } as const;
    expect(runRowOf('a.yaml', { ...result, asExpected: false }, 2).detail).toBe(text);
    expect(runRowOf('a.yaml', { ...result, asExpected: true }, 2).detail).toBeNull();
  });
});

describe('a line that installs what is missing', () => {
  it('is found in what the lab says', () => {
    const line = installLine(['busybox-static', 'libc6-dev', 'qemu-system-x86'], 'sudo');
    expect(installLineIn(`missing on this host: gcc\n  ${line}\nmore`)).toBe(line);
    expect(installLineIn('all is there')).toBeNull();
  });
});

describe('the archive of a host', () => {
  it('is that of this host, without its security updates', () => {
    const targets =
      'http://one.example/security Debian\nhttp://two.example/other Other\nhttp://one.example/debian Debian';
    expect(mirrorIn(targets)).toBe('http://one.example/debian');
    expect(mirrorIn('')).toBeNull();
  });

  it('is reached as from here', () =>
    expect(
      transportSettings(
        'APT::X "1";\nAcquire::http::Proxy "http://p.example";\nAcquire::Check-Date "false";\nDir "/";',
      ),
    ).toBe('Acquire::http::Proxy "http://p.example";\nAcquire::Check-Date "false";\n'));
});

describe('a command in a host', () => {
  const entry = { root: '/hosts/a', cwd: '/srv/lab', env: { PATH: '/bin' } };

  it('has mounts and processes of its own, which end with the lab', () =>
    expect(enterArgs({ ...entry, user: 'root' }, 'true')).toEqual(
      expect.arrayContaining(['unshare', '--mount', '--pid', '--kill-child']),
    ));

  it('is run by the user only where the user is meant', () => {
    expect(enterArgs({ ...entry, user: 'user' }, 'true')).toContain('--init-groups');
    expect(enterArgs({ ...entry, user: 'root' }, 'true')).not.toContain('--init-groups');
  });
});
