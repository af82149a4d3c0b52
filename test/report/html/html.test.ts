// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeNight } from '../../../src/measure/synthetic.js';
import { diffNights } from '../../../src/report/night/diff.js';
import { writeHtml } from '../../../src/report/html/index.js';
import { nightlyReportOfRun, readNightlyReport } from '../../../src/store/matrix/nightly-report.js';
import { attemptOf, cellOf } from '../../store/matrix/matrix.js';
import { writeMatrix, writeRun } from '../../store/run/runs.js';
import { temporaryFolder } from '../../util/temporary.js';
import { EVIL } from '../night.js';
import { incident, kernel, resource } from '../result.js';

const sizeOf = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).reduce(
    (sum, name) => sum + (name.includes('.') ? readFileSync(join(folder, name)).length : 0),
    0,
  );
const none = { diff: null, before: null, bugs: new Map(), notes: [] };

describe('the pages of a night', () => {
  it('are all there, linked, of bounded size, and ask nobody outside', () => {
    const dir = temporaryFolder();
    const results = join(dir, 'results');
    const ids = [10, 11].map(
      (night) =>
        writeNight({ results, seed: 7, night, kernels: ['7.2.12', '7.3.4'], scenarios: 10, repeats: 2, logs: true }).id,
    );
    const [before, night] = ids.map((id) => readNightlyReport(join(results, id))) as [
      ReturnType<typeof readNightlyReport>,
      ReturnType<typeof readNightlyReport>,
    ];
    const html = join(dir, 'html');
    const pages = writeHtml(html, { ...none, night, results, diff: diffNights(before, night), before });
    expect(pages).toHaveLength(80);
    expect(readdirSync(html).sort()).toEqual(['index.html', 'report.css', 'report.js', 'report.json', 'runs']);
    expect(readdirSync(dir).sort()).toEqual(['html', 'results']);
    for (const file of ['index.html', ...readdirSync(join(html, 'runs')).map((name) => `runs/${name}`)]) {
      const text = readFileSync(join(html, file), 'utf8');
      expect(text).not.toMatch(/(?:src|href|action)="(?:[a-z]+:)?\/\//i);
      for (const [, link = ''] of text.matchAll(/href="([^"#]+)(?:#[^"]*)?"/g))
        expect(existsSync(join(html, file.startsWith('runs/') ? 'runs' : '', decodeURIComponent(link)))).toBe(true);
    }
    expect(sizeOf(html)).toBeLessThan(80 * 40_000);
  });

  it('show what a hostile machine, plan or name says as text', () => {
    const dir = temporaryFolder();
    const results = join(dir, 'results');
    const evil = incident('panic', { title: EVIL, detail: EVIL });
    writeRun(results, 'r1', {
      outcome: 'panic',
      title: EVIL,
      scenario: EVIL,
      more: {
        kernels: [kernel(EVIL), kernel(EVIL)],
        cause: evil,
        incidents: [evil, { ...evil, t: 1 }],
        resources: [resource({ name: EVIL, session: EVIL, problems: [EVIL] })],
        mismatches: [{ component: EVIL, wrote: 1, reads: [2], endsIn: 'panic', source: 'run', detail: EVIL }],
        timeline: [{ t: 1, epoch: 0, what: `fault ${EVIL}` }],
        qemu: {
          version: EVIL,
          accel: EVIL,
          commandLine: EVIL,
          sandbox: { kind: 'setpriv', user: 'lab', why: EVIL, command: [EVIL] },
        },
        snapshot: { none: EVIL },
        versions: { lab: EVIL, node: EVIL },
        devices: [
          {
            name: EVIL,
            device: 'edu',
            address: EVIL,
            preserve: 'recreate',
            epoch: 1,
            carried: null,
            before: null,
            after: null,
            resets: 0,
            during: [],
            backing: null,
            transfer: null,
            problems: [EVIL],
          },
        ],
        impaired: { pagesLeaked: 1, guests: [EVIL] },
        recovery: {
          how: 'update',
          ms: 10,
          pagesLeaked: { before: 1, after: 0 },
          pagesGivenBack: 1,
          managed: { first: 1, before: 2, after: null },
          guestsSurvived: [EVIL],
          guestsLost: [EVIL],
          notKnown: null,
          problems: [EVIL],
        },
      },
    });
    writeFileSync(
      join(results, 'r1/console.log'),
      Buffer.concat([Buffer.from(EVIL.repeat(3)), Buffer.from([0xff, 0xfe, 10])]),
    );
    writeFileSync(
      join(results, 'r1/events.jsonl'),
      `${JSON.stringify({ t: 1, epoch: 0, kind: 'crash', title: EVIL, severity: EVIL, line: 1 })}\nno json\n` +
        `${JSON.stringify({ t: 1, kind: 'step', op: 'create', target: EVIL, state: 'done' })}\n`,
    );
    const cell = { ...cellOf('x'), scenario: EVIL, kernels: [EVIL, EVIL], tags: [EVIL] };
    writeMatrix(
      results,
      'm1',
      [cell],
      [attemptOf(cell.id, { run: 'r1', outcome: 'panic', endsIn: 'panic', asExpected: false, title: EVIL })],
      { plan: EVIL, labVersion: EVIL },
    );
    const html = join(dir, 'html');
    expect(writeHtml(html, { ...none, night: readNightlyReport(join(results, 'm1')), results, notes: [EVIL] })).toEqual(
      ['r1'],
    );
    for (const file of ['index.html', 'runs/r1.html']) {
      const text = readFileSync(join(html, file), 'utf8');
      expect(text).not.toMatch(/<img|<script>|onerror=alert\(2\)>[^&]*<\//);
      expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      expect(text.match(/<script/g)).toHaveLength(1);
      expect(text).toContain('&lt;script>alert(1)');
      expect(text.includes('id="impaired-head"')).toBe(file !== 'index.html');
      expect(text).toContain("default-src 'none'");
    }
  });

  it('lead to no folder outside, whatever a matrix names as a run', () => {
    const dir = temporaryFolder();
    const results = join(dir, 'results');
    writeRun(results, '../outside');
    writeMatrix(results, 'm1', [cellOf('x')], [attemptOf('x-1', { run: '../outside' })]);
    expect(writeHtml(join(dir, 'html'), { ...none, night: readNightlyReport(join(results, 'm1')), results })).toEqual(
      [],
    );
    expect(readdirSync(join(dir, 'html/runs'))).toEqual([]);
  });

  it('say what is missing, and go on', () => {
    const dir = temporaryFolder();
    const results = join(dir, 'results');
    writeRun(results, 'run-a-1');
    mkdirSync(join(results, 'run-b-1'));
    writeFileSync(join(results, 'run-b-1/result.json'), '{');
    writeMatrix(
      results,
      'm1',
      [cellOf('a'), cellOf('b'), cellOf('c')],
      [attemptOf('a-1'), attemptOf('b-1'), attemptOf('c-1')],
    );
    expect(writeHtml(join(dir, 'html'), { ...none, night: readNightlyReport(join(results, 'm1')), results })).toEqual([
      'run-a-1',
    ]);
    const text = readFileSync(join(dir, 'html/index.html'), 'utf8');
    expect(text).toContain('run-b-1 has no page: result.json is not JSON');
    expect(text).toContain('1 run is no longer in');
  });

  it('say what a run started from', () => {
    const dir = temporaryFolder();
    const results = join(dir, 'results');
    const snapshot = { rung: 'luo', key: 'a1', savedAt: '2026-11-28T03:12:40.000Z' } as const;
    writeRun(results, 'warm', { more: { snapshot } });
    writeRun(results, 'cold', { more: { snapshot: { none: 'the disk is full' } } });
    const page = (run: string) => {
      const html = join(dir, run);
      writeHtml(html, { ...none, night: nightlyReportOfRun(join(results, run)), results });
      return readFileSync(join(html, `runs/${run}.html`), 'utf8');
    };
    expect(page('warm')).toContain('from a snapshot: luo, saved 2026-11-28 03:12');
    expect(page('cold')).toContain('booted cold: the disk is full');
  });

  it('take the place of older ones, and of nothing else', () => {
    const dir = temporaryFolder();
    const results = join(dir, 'results');
    writeRun(results, 'r1');
    const input = { ...none, night: nightlyReportOfRun(join(results, 'r1')), results };
    writeHtml(join(dir, 'html'), input);
    writeFileSync(join(dir, 'html/runs/old.html'), '');
    writeHtml(join(dir, 'html'), input);
    expect(readdirSync(join(dir, 'html/runs'))).toEqual(['r1.html']);
    writeFileSync(join(dir, 'mine.txt'), '');
    expect(() => writeHtml(dir, input)).toThrow('exists and is not a report');
    rmSync(join(dir, 'mine.txt'));
    expect(readdirSync(dir).sort()).toEqual(['html', 'results']);
  });
});
