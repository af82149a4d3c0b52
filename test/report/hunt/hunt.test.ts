// SPDX-License-Identifier: Apache-2.0
// What reports say of a hunt: the night's formats, its page, and the line of the failure.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { NightHunt } from '../../../src/model/hunt/hunt.js';
import type { Explanation } from '../../../src/model/result/explanation.js';
import { junit } from '../../../src/report/ci/junit.js';
import { markdown } from '../../../src/report/ci/markdown.js';
import { lineOf } from '../../../src/report/html/hunt/curve.js';
import { copyFindings, writeHuntPage } from '../../../src/report/html/hunt/files.js';
import { writeHtml } from '../../../src/report/html/index.js';
import { nightStatus, nightVerdict } from '../../../src/report/hunt/night.js';
import { whereText } from '../../../src/report/hunt/where.js';
import { nightText } from '../../../src/report/text/night.js';
import { temporaryFolder } from '../../util/temporary.js';
import { findingOf, reportOf } from '../hunt.js';
import { EVIL, nightOf } from '../night.js';

const GOOD = nightOf({ a: ['preserved'] });
const hunted = (more: Partial<NightHunt>) => ({
  ...GOOD,
  hunt: { schema: 1 as const, plan: 'p.yaml', before: null, state: 'ended' as const, why: null, report: null, ...more },
});
const FOUND = hunted({ report: reportOf({ findings: [findingOf({})] }) });
const FAILED = hunted({ state: 'failed', why: 'no kernel' });

describe('a night with a hunt', () => {
  it.each([
    ['no hunt', GOOD, 0, 'As expected'],
    ['nothing found', hunted({ report: reportOf({}) }), 0, 'As expected'],
    ['a bug', FOUND, 1, 'As expected; the hunt found 1 bug that is not known'],
    ['no kernels', FAILED, 3, 'As expected; the hunt has no verdict'],
    ['not ended', hunted({ state: 'open' }), 3, 'As expected; the hunt has not ended'],
  ])('has one verdict and one status: %s', (_, night, status, text) => {
    expect(nightStatus(night)).toBe(status);
    expect(nightVerdict(night)).toEqual({ text, failed: status === 1 });
  });

  it('is summed up on a terminal, in Markdown and in JUnit', () => {
    const title = 'BUG: unable to handle page fault in f';
    expect(nightText(FOUND, 'x', {})).toContain(`NEW  panic: ${title}`);
    expect(markdown(FOUND, null)).toContain('### Hunt');
    const xml = junit(FOUND, () => null);
    expect(xml).toContain('<failure message="found bugs that are not known"');
    expect(xml).toContain(title);
    expect(junit(FAILED, () => null)).toContain('<error message="the hunt has no verdict"');
    expect(junit(GOOD, () => null)).not.toContain('hunt');
  });
});

/** A folder of a hunt with one finding whose title, and all else, is hostile. */
function folderOfHunt() {
  const folder = temporaryFolder();
  const finding = findingOf({ name: 'f1', title: EVIL, run: 'run/r1', others: { [EVIL]: EVIL }, reference: EVIL });
  const at = join(folder, 'findings', 'f1');
  mkdirSync(join(at, 'run', 'r1'), { recursive: true });
  for (const file of ['scenario.yaml', 'report.txt', 'explanation.txt', 'run/r1/result.json', 'run/r1/console.log'])
    writeFileSync(join(at, file), 'x');
  return reportOf({
    folder,
    out: join(folder, 'findings'),
    findings: [finding],
    counts: { [EVIL]: 3 },
    rungs: { [EVIL]: 3 },
    kernels: [[EVIL]],
  });
}

function expectSafe(text: string): void {
  expect(text).not.toContain('<script>alert');
  expect(text).not.toContain('<img');
  expect(text).not.toContain('\u202e');
}

describe('the page of a hunt', () => {
  it('needs no other file, links to what is kept, and shows hostile text as text', () => {
    const report = folderOfHunt();
    writeHuntPage(report);
    const text = readFileSync(join(report.folder, 'report.html'), 'utf8');
    expectSafe(text);
    expect(text).not.toMatch(/<(link|script|img)/);
    const links = [...text.matchAll(/href="([^"#]+)"/g)].map(([, link = '']) => link);
    expect(links).toHaveLength(5);
    for (const link of links) expect(existsSync(join(report.folder, decodeURIComponent(link)))).toBe(true);
    const style = /<style>([^]*?)<\/style>/.exec(text)?.[1] ?? '';
    expect(style).toContain('--page');
    expect(text).toContain(`sha256-${createHash('sha256').update(style).digest('base64')}`);
  });

  it('is part of the report of a night, with copies of what is small', () => {
    const dir = temporaryFolder();
    const report = folderOfHunt();
    const night = hunted({ report, plan: EVIL });
    const html = join(dir, 'html');
    writeHtml(html, { night, results: dir, diff: null, before: null, bugs: new Map(), notes: [] });
    expect(readdirSync(join(html, 'hunt', 'f1')).sort()).toEqual(['explanation.txt', 'report.txt', 'scenario.yaml']);
    for (const file of ['index.html', 'hunt.html']) {
      const text = readFileSync(join(html, file), 'utf8');
      expectSafe(text);
      expect(text).toContain('hunt/f1/report.txt');
    }
    expect(readFileSync(join(html, 'index.html'), 'utf8')).toContain('the hunt found 1 bug that is not known</h1>');
  });

  it('copies no pipe, and nothing from elsewhere that a link leads to', () => {
    const dir = temporaryFolder();
    const report = folderOfHunt();
    const at = join(report.out, 'f1');
    for (const file of ['scenario.yaml', 'report.txt']) rmSync(join(at, file));
    execFileSync('mkfifo', [join(at, 'scenario.yaml')]);
    writeFileSync(join(dir, 'secret'), 'secret');
    symlinkSync(join(dir, 'secret'), join(at, 'report.txt'));
    expect([...copyFindings(report, join(dir, 'html'))]).toEqual([
      ['f1', [{ text: 'explanation', href: 'hunt/f1/explanation.txt' }]],
    ]);
    expect(readdirSync(join(dir, 'html', 'hunt', 'f1'))).toEqual(['explanation.txt']);
  });

  it('draws what was reached as steps', () => {
    const curve = [
      { at: 0, executions: 1, reached: 50 },
      { at: 100, executions: 2, reached: 100 },
    ];
    expect(lineOf(curve)).toBe('60.0,196.0 60.0,196.0 60.0,104.0 900.0,104.0 900.0,12.0');
  });
});

describe('the line of a failure', () => {
  const frame = (name: string, lines: string[] = []) => ({ function: name, offset: 16, unsure: false, lines });
  const story = (more: Partial<Explanation>): Explanation => ({
    outcome: 'panic',
    title: null,
    wrote: { kernel: '', versions: [], where: [] },
    faults: [],
    expected: { kernel: '', versions: [], mismatches: [], layouts: [] },
    said: [],
    check: null,
    trace: { frames: [], why: null },
    structure: null,
    processors: [],
    notes: [],
    ...more,
  });

  it('is that of the function behind those that print and panic', () => {
    const frames = [frame('dump_stack_lvl', ['lib/dump_stack.c:1']), frame('panic', ['kernel/panic.c:9'])];
    const own = frame('luo_early_startup', ['a.h:3', 'kernel/liveupdate/luo_core.c:145']);
    expect(whereText(story({ trace: { frames: [...frames, own], why: null } }))).toBe(
      'luo_early_startup+0x10 at a.h:3 (inlined, called from kernel/liveupdate/luo_core.c:145)',
    );
  });

  it('is the offset and the command that names it where there are no symbols', () => {
    const trace = { frames: [frame('f.cold')], why: 'file and line need symbols: lab show x --explain --symbols' };
    expect(whereText(story({ trace }))).toBe(
      'f.cold+0x10; (file and line need symbols: lab show x --explain --symbols)',
    );
    expect(whereText(story({}))).toBeNull();
  });

  it('also names the check that refused', () => {
    const source = { file: 'k.c', line: 7, function: 'g', first: 1, lines: [] };
    expect(whereText(story({ check: { refuses: 'the version', function: 'g', source } }))).toBe(
      'g() refuses the version at k.c:7',
    );
  });
});
