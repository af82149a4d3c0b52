// SPDX-License-Identifier: Apache-2.0
// Two real nights, their history and their report, and its pages in a real browser.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withBrowser } from '../../src/measure/browser.js';
import { lab, ROOT, temporary } from './lab.js';

const dir = temporary();
const results = join(dir, 'results');
const html = join(dir, 'html');
const PLAN =
  `kernels: [7.2.12, 7.3.4]\npairs: forward\nscenarios:\n  - file: ${ROOT}scenarios/first-update.yaml\n` +
  `  - {file: ${ROOT}scenarios/lost.yaml, kernels: own}\n`;

beforeAll(async () => {
  const plan = join(dir, 'plan.yaml');
  writeFileSync(plan, PLAN);
  for (let night = 0; night < 2; night++) {
    const exit = await lab(['matrix', plan, '--results', results]);
    expect(exit.code, exit.stderr).toBe(0);
  }
  // What a night may meet: a run that was cut off, and one of a newer lab.
  for (const [name, text] of [
    ['cut-off', '{"schema":1,'],
    ['newer', '{"schema":99}'],
  ] as const) {
    mkdirSync(join(results, name));
    writeFileSync(join(results, name, 'result.json'), text);
  }
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('the history of real nights', () => {
  it('knows the failure, its pair and how often it was seen', async () => {
    const { code, stdout, stderr } = await lab(['history', '--json', '--results', results]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual([
      expect.objectContaining({
        title: "KHO: handover FDT is incompatible with 'kho-v4'",
        runs: 2,
        unexpected: 0,
        rate: 1,
        fixed: null,
        scenarios: ['lost'],
        pairs: [expect.objectContaining({ chain: '7.1.13 -> 7.2.12', runs: 2 })],
      }),
    ]);
    expect(stderr).toContain('cut-off is left out: result.json is not JSON');
    expect(stderr).toMatch(/newer is left out: its schema is 99, this lab knows \d+:/);
  });

  it('has no differences between two nights, and finds those between two runs', async () => {
    const nights = await lab(['diff', '--results', results]);
    expect(nights.code, nights.stderr).toBe(0);
    expect(nights.stdout).toMatch(/: 2 unchanged$/m);
    const runs = JSON.parse((await lab(['history', '--runs', '--json', '--results', results])).stdout) as {
      name: string;
      outcome: string;
    }[];
    const [good, lost] = ['preserved', 'lost'].map(
      (outcome) => runs.find((run) => run.outcome === outcome)?.name ?? '',
    );
    const diff = await lab(['diff', good ?? '', lost ?? '', '--results', results]);
    expect(diff.stdout).toContain('outcome\n  - preserved\n  + lost\n');
    expect((await lab(['show', good ?? '', '--results', results])).stdout).toContain('PRESERVED  first-update');
  });
});

describe('the report of a real night', () => {
  beforeAll(async () => {
    const out = (name: string) => join(dir, name);
    const exit = await lab([
      'report',
      '--results',
      results,
      '--html',
      html,
      '--junit',
      out('junit.xml'),
      '--ktap',
      '--kcidb',
      out('kcidb.json'),
      '--markdown',
      out('summary.md'),
    ]);
    expect(exit.code, exit.stderr).toBe(0);
    expect(exit.stdout).toMatch(/^KTAP version 1\n[\s\S]*ok 1 first-update\n/);
  });

  it('is there for other systems', () => {
    expect(readFileSync(join(dir, 'junit.xml'), 'utf8')).toContain('tests="2" failures="0" errors="0"');
    expect(
      (JSON.parse(readFileSync(join(dir, 'kcidb.json'), 'utf8')) as { tests: { status: string }[] }).tests.map(
        ({ status }) => status,
      ),
    ).toEqual(['PASS', 'PASS']);
    expect(readFileSync(join(dir, 'summary.md'), 'utf8')).toContain('Nothing changed since the night before');
  });

  it('keeps its runs when old ones are pruned', async () => {
    const before = readdirSync(results).length;
    const { stdout } = await lab([
      'history',
      '--prune',
      '--keep-days',
      '0',
      '--keep-nights',
      '0',
      '--dry-run',
      '--json',
      '--results',
      results,
    ]);
    const plan = JSON.parse(stdout) as { runs: string[]; kept: { reports: number } };
    expect(plan.kept.reports).toBe(2);
    expect(readdirSync(results)).toHaveLength(before);
  });

  it('opens from disk in a browser, asks nobody outside, and can be used', async () => {
    await withBrowser(async (browser) => {
      const page = await browser.newPage();
      const asked: string[] = [];
      const complaints: string[] = [];
      page.on('request', (request) => asked.push(request.url()));
      page.on('console', (message) => complaints.push(message.text()));
      page.on('pageerror', (error) => complaints.push(String(error)));
      const file = (name: string) => pathToFileURL(join(html, name)).href;
      await page.goto(file('index.html'));
      expect(await page.$eval('h1', textOf)).toBe('All 2 ended as expected');
      await chooses(page);
      await finds(page);
      await goesByKeys(page);
      expect(page.url()).toContain('/runs/');
      expect(await page.$eval('h1', textOf)).toMatch(/^[SL] (preserved|lost), as expected/);
      const lost = readdirSync(join(html, 'runs')).find((name) => name.includes('-lost-')) ?? '';
      await page.goto(`${file(`runs/${lost}`)}#console-head`);
      expect(
        await page.$$eval('mark', (marks) => marks.map((mark) => (mark as Partial<Shown>).textContent).join('\n')),
      ).toContain("is incompatible with 'kho-v4'");
      expect(await page.$$eval('svg.timeline rect', (bars) => bars.length)).toBeGreaterThan(3);
      for (const [width, mode] of [
        [390, 'light'],
        [1280, 'dark'],
      ] as const) {
        for (const url of [file('index.html'), file(`runs/${lost}`)]) await fits(page, url, width, mode);
      }
      await page.pdf({ path: join(dir, 'front.pdf') });
      expect(statSync(join(dir, 'front.pdf')).size).toBeGreaterThan(5000);
      expect(asked.filter((url) => !url.startsWith(pathToFileURL(html).href))).toEqual([]);
      expect(complaints).toEqual([]);
    });
    expect(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })).not.toContain('lab-browser-');
  });
});

interface Shown {
  textContent: string;
  scrollWidth: number;
  clientWidth: number;
  value: string;
}
const textOf = (element: unknown) => (element as Shown).textContent.trim();

/** The grid shows the chosen scenario: a letter where it was run. */
async function chooses(page: Page): Promise<void> {
  const value = await page.$$eval(
    '#chosen option',
    (options) =>
      options.map((option) => (option as Partial<Shown>).value ?? '').find((each) => each.includes('lost')) ?? '',
  );
  await page.select('#chosen', value);
  expect(await page.$$eval('#grid td.q', (cells) => cells.map((cell) => (cell as Partial<Shown>).textContent))).toEqual(
    ['Lreboot'],
  );
  // Kernels that it was not run on are not shown.
  const sides = () => page.$$eval('#grid tr:not(.away) th:not(.away)', (heads) => heads.length);
  expect(await sides()).toBe(3);
  await page.select('#chosen', '');
  expect(await sides()).toBe(5);
  expect(await page.$$eval('#grid td.q', (cells) => cells.map((cell) => (cell as Partial<Shown>).textContent))).toEqual(
    ['✓1', '✓1'],
  );
}

async function finds(page: Page): Promise<void> {
  const rows = () =>
    page.$$eval('#squares tbody tr:not(.away) th', (heads) =>
      heads.map((head) => (head as Partial<Shown>).textContent),
    );
  expect(await rows()).toEqual(['first-update', 'lost']);
  await page.keyboard.press('/');
  await page.keyboard.type('lost');
  expect(await rows()).toEqual(['lost']);
  for (let i = 0; i < 4; i++) await page.keyboard.press('Backspace');
  expect(await rows()).toEqual(['first-update', 'lost']);
}

/** From pair result to pair result by arrows, into one by Enter. */
async function goesByKeys(page: Page): Promise<void> {
  await page.focus('#squares td.q a');
  const first = await page.evaluate('document.activeElement.href');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowRight');
  expect(await page.evaluate('document.activeElement.closest("td.q") !== null')).toBe(true);
  expect(first).toMatch(/runs\/.*\.html$/);
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
}

/** Nothing makes the page itself wider than the screen; tables scroll in themselves. */
async function fits(page: Page, url: string, width: number, mode: 'light' | 'dark'): Promise<void> {
  await page.setViewport({ width, height: 844 });
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: mode }]);
  await page.goto(url);
  const [wide, screen] = await page.$eval('html', (root) => [
    (root as Partial<Shown>).scrollWidth,
    (root as Partial<Shown>).clientWidth,
  ]);
  expect(wide, `${url} at ${width}`).toBeLessThanOrEqual(screen ?? 0);
  const background = (await page.evaluate('getComputedStyle(document.body).backgroundColor')) as string;
  expect(background === 'rgb(255, 255, 255)').toBe(mode === 'light');
}
