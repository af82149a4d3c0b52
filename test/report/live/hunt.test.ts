// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { HuntReport } from '../../../src/model/hunt/hunt.js';
import { huntView } from '../../../src/report/live/hunt.js';
import { huntStatus, huntText } from '../../../src/report/hunt/text.js';
import { printable } from '../../../src/util/text/escape.js';
import { findingOf, reportOf } from '../hunt.js';

beforeEach(() => {
  vi.stubEnv('NO_COLOR', '1');
  vi.stubEnv('CI', '');
  vi.useFakeTimers();
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
});

function view(isTTY: boolean, first: Partial<HuntReport> = {}) {
  let text = '';
  let report = reportOf(first);
  const stream = { isTTY, columns: 80, rows: 10, write: (chunk: string) => ((text += chunk), true) };
  const now = () => performance.now();
  const made = huntView({ stream, time: 600_000, limit: null, report: () => report, now });
  made.begin();
  return {
    view: made,
    lines: () => text.split('\n').slice(0, -1),
    text: () => text,
    after: (ms: number, next: Partial<HuntReport> = {}) => {
      report = { ...report, ...next };
      vi.advanceTimersByTime(ms);
    },
  };
}

describe('a hunt while it runs', () => {
  it('is a line every ten seconds where there is no terminal, also if nothing ends', () => {
    const one = view(false, { executions: 0, ms: 0, curve: [], corpus: 0, spent: {} });
    one.after(10_000, { executions: 50, curve: [{ at: 1, executions: 50, reached: 90 }], corpus: 4 });
    one.after(20_000);
    one.view.end();
    expect(one.lines()).toEqual([
      '[   0.0 s] 0 inputs; 0 an hour now, 0 overall; reached 0; corpus 0; 0 findings; 10 min 0 s left',
      '[  10.0 s] 50 inputs; 18000 an hour now, 18000 overall; reached 90; corpus 4; 0 findings; 9 min 50 s left',
      '[  20.0 s] 50 inputs; 9000 an hour now, 9000 overall; reached 90; corpus 4; 0 findings; 9 min 40 s left',
      '[  30.0 s] 50 inputs; 6000 an hour now, 6000 overall; reached 90; corpus 4; 0 findings; 9 min 30 s left',
      '[  30.0 s] 50 inputs; 6000 an hour now, 6000 overall; reached 90; corpus 4; 0 findings; 9 min 30 s left',
    ]);
  });

  it('has the pace of each rung, with one machine', () => {
    const one = view(false, { rungs: { jump: 5, open: 10, cold: 1 }, spent: { jump: 6000, open: 3600 } });
    expect(one.lines()[0]).toContain('; an hour a machine: open 10000, jump 3000; reached');
    one.view.end();
  });

  it('counts only what this start has run, and the last minute apart', () => {
    const one = view(false, { executions: 1000, ms: 60_000 });
    one.after(60_000, { executions: 1600 });
    one.after(60_000);
    const last = one.lines().at(-1);
    expect(last).toContain('0 an hour now, 18000 overall');
    expect(last).toContain('7 min 0 s left');
  });

  it('redraws its rows on a terminal, within its width, and shows no control characters', () => {
    const one = view(true);
    one.view.note('confirmed: \x1b[2Jpanic');
    const evil = findingOf({ title: `BUG \x1b]0;x ${'long '.repeat(100)}` });
    one.view.doing('BUG\r: run 1 of 3');
    one.after(500, { findings: [evil] });
    one.view.end();
    const rows = one
      .text()
      .split('\n')
      .map((row) => row.replaceAll('\x1b[2A\x1b[0J', '').replaceAll('\x1b[4A\x1b[0J', ''));
    expect(rows.filter((row) => row.length >= 80 || printable(row) !== row)).toEqual([]);
    expect(one.text()).toContain('last finding: panic: BUG \\x1b]0;x');
    expect(one.text()).toContain('BUG\\x0d: run 1 of 3');
    expect(one.text()).toContain('\x1b[2A\x1b[0J');
  });

  it('stops its timer at the end', () => {
    const one = view(false);
    one.view.end();
    const before = one.text();
    one.after(60_000);
    expect(one.text()).toBe(before);
  });
});

describe('a hunt that has ended', () => {
  it('has the executions by rung, and the pace where the time is known', () => {
    const text = huntText(reportOf({ rungs: { jump: 5, open: 10 }, spent: { open: 3600 } }));
    expect(text).toContain('      10  from open: 10000 an hour a machine\n');
    expect(text).toContain('       5  from jump\n');
  });

  it('lists its findings, open and known ones apart', () => {
    const text = huntText(
      reportOf({
        findings: [
          findingOf({ title: 'one\x1b[2J' }),
          findingOf({ title: 'two', state: 'found' }),
          findingOf({ title: 'three', state: 'known', reference: 'a page' }),
          findingOf({ title: 'four', state: 'not reproduced' }),
        ],
      }),
    );
    expect(text).toContain('FINDING  panic: one\\x1b[2J  /hunt/findings/a-finding');
    expect(text).toContain('open     panic: two');
    expect(text).toContain('known    panic: three  a page');
    expect(text).toContain('1 not reproduced, so not shown');
    expect(text).not.toContain('four');
  });

  it.each([
    ['nothing found', reportOf({}), 0],
    ['a new finding', reportOf({ findings: [findingOf({})] }), 1],
    ['an old finding', reportOf({ findings: [findingOf({ fresh: false })] }), 0],
    ['a known finding', reportOf({ findings: [findingOf({ state: 'known' })] }), 0],
    ['a finding seen once', reportOf({ findings: [findingOf({ state: 'not reproduced' })] }), 0],
    ['a finding that the lab could not decide', reportOf({ findings: [findingOf({ state: 'found' })] }), 3],
    ['a lab that failed', reportOf({ end: { kind: 'stopped', why: 'x', infra: true } }), 3],
    ['a kernel that fails on everything', reportOf({ end: { kind: 'stopped', why: 'x', infra: false } }), 0],
    ['not ended', reportOf({ end: null }), 3],
  ])('has an exit status: %s', (_, report, status) => {
    expect(huntStatus(report)).toBe(status);
  });
});
