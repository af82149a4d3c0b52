// SPDX-License-Identifier: Apache-2.0
// The report of `lab try` as a mail: narrow, what is wrong first, with evidence and how to repeat it.
import { describe, expect, it } from 'vitest';
import { tryStatus } from '../../../src/cli/try/try.js';
import { TRY_PAIRS, type TryReport } from '../../../src/model/series/try.js';
import { tryText } from '../../../src/report/try/text.js';
import { WIDTH } from '../../../src/report/try/wrap.js';

const PANIC = {
  pair: 'series -> base',
  scenarios: ['pair', 'memfd-metadata'],
  outcome: 'panic',
  endsIn: 'panic',
  instead: 'preserved',
  isWorse: true,
  title: 'Kernel panic - not syncing: Restore failed',
  evidence: ["[    0.1] luo: LUO state is incompatible with 'luo-v5'", `[    0.2] ${'x'.repeat(200)}`],
  run: '20261128-120000-pair-ab12',
  patch: { first: 2, last: 2 },
} as const;

function report(more: Partial<TryReport> = {}): TryReport {
  return {
    schema: 1,
    lab: '1.0.0',
    startedAt: '2026-11-28T12:00:00.000Z',
    took: 321,
    series: {
      title: 'liveupdate: version 6 of the LUO state',
      version: 2,
      from: 'series.mbox',
      patches: [
        { title: 'one', files: ['mm/a.c'] },
        { title: 'liveupdate: write the LUO state in version 6', files: ['b.h'] },
        { title: 'three', files: ['c.c'] },
      ],
      notes: [],
    },
    base: { name: '7.3.4', release: '7.3.4-lab', sha256: 'a'.repeat(64) },
    patched: { name: '7.3.4 with 3 patches', release: '7.3.4-lab', sha256: 'b'.repeat(64) },
    small: true,
    areas: [],
    stop: null,
    abi: { ok: true, lines: ['luo  5  6'] },
    rows: TRY_PAIRS.map((pair) => ({
      scenario: 'pair',
      pair,
      state: pair === 'series -> base' ? 'panic' : 'preserved',
      endsIn: null,
      title: null,
      run: null,
    })),
    findings: [{ ...PANIC, scenarios: [...PANIC.scenarios], evidence: [...PANIC.evidence] }],
    command: 'lab try series.mbox',
    ...more,
  };
}

const bad = tryText(report());

describe('the report', () => {
  it('names the patch, the pair, the outcome, the evidence and the command', () => {
    expect(bad).toContain('Patch 2/3 "liveupdate: write the LUO state in version 6" breaks series');
    expect(bad.replace(/\s+/g, ' ')).toContain(
      'series -> base, the rollback from it: panic instead of preserved, ends in panic.',
    );
    expect(bad).toContain('in: pair, memfd-metadata');
    expect(bad).toContain("    [    0.1] luo: LUO state is incompatible with 'luo-v5'");
    expect(bad).toContain('again: lab repro 20261128-120000-pair-ab12');
    expect(bad).toMatch(/ {2}pair +preserved +preserved +panic +preserved\n/);
    expect(bad).toContain('Again: lab try series.mbox');
  });

  it('fits a mail, whatever is in it', () => {
    const odd = report({
      series: { ...report().series, title: `x${'y'.repeat(300)} \x1b[2J`, notes: ['z'.repeat(200)] },
      command: `lab try ${'/long'.repeat(40)}`,
      rows: report().rows.map((row) => ({ ...row, scenario: 'a/very/long/name/of/a/scenario/of/somebody' })),
    });
    for (const text of [bad, tryText(odd)]) {
      expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(WIDTH);
      // oxlint-disable-next-line no-control-regex
      expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f]| $/m);
    }
  });

  it('says what stopped it', () => {
    const apply = report({
      stop: { kind: 'does-not-apply', patch: 2, file: 'b.h', hunk: 3, lines: ['why', '@@ -1 +1 @@'] },
      rows: [],
      findings: [],
    });
    expect(tryText(apply).replace(/\s+/g, ' ')).toContain('version 6" does not apply: hunk 3 of b.h why @@ -1 +1 @@');
    const build = report({
      stop: { kind: 'does-not-build', files: ['mm/a.c'], lines: ['mm/a.c:1:2: error: x'], patches: [1], patch: null },
      rows: [],
      findings: [],
    });
    expect(tryText(build)).toContain('Patch 1 breaks the build in mm/a.c:');
    expect(tryText(build)).toContain('    mm/a.c:1:2: error: x');
    const boot = report({
      stop: { kind: 'does-not-boot', title: 'boom', evidence: ['[ 0.1] boom'], run: 'r', patch: { first: 1, last: 2 } },
      findings: [],
    });
    expect(tryText(boot)).toContain('One of the patches 1 to 2 of 3 does not boot: boom');
  });
});

describe('the exit status', () => {
  it('is that of the contract', () => {
    const good = report({ findings: [], rows: report().rows.map((row) => ({ ...row, state: 'preserved' })) });
    const first = good.rows[0] as TryReport['rows'][number];
    expect(tryStatus(report())).toBe(1);
    expect(tryStatus(good)).toBe(0);
    expect(tryStatus({ ...good, findings: [{ ...PANIC, scenarios: [], evidence: [], isWorse: false }] })).toBe(0);
    expect(tryStatus({ ...good, abi: { ok: false, lines: [] } })).toBe(1);
    expect(tryStatus({ ...good, rows: [{ ...first, state: 'infra' }] })).toBe(3);
    expect(tryStatus({ ...good, stop: { kind: 'does-not-apply', patch: 1, file: null, hunk: null, lines: [] } })).toBe(
      2,
    );
    const build = { kind: 'does-not-build', files: [], lines: [], patches: [], patch: null } as const;
    expect(tryStatus({ ...good, stop: { ...build, files: [], lines: [], patches: [] } })).toBe(1);
  });
});
