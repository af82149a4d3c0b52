// SPDX-License-Identifier: Apache-2.0
// `npm run bench:history`: measures the figures of docs/history.md and docs/report.md with 100,000 made-up results.
// `--runs N` uses another number.
import { readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command } from 'commander';
import { makeTemp, untrackTemp } from '../util/process/reaper.js';
import { withBrowser } from './browser.js';
import { runLab } from './lab.js';
import { writeNight } from './synthetic.js';

const KERNELS = ['6.19.11', '7.1.13', '7.2.12', '7.3.4'];
const CELLS = 2000;
const options = new Command('history')
  .description('measures the figures of docs/history.md and docs/report.md with made-up results')
  .option('--runs <n>', 'how many results', '100000')
  .parse()
  .opts<{ runs: string }>();
const runs = Number(options.runs);

/** Makes the process print its CPU time at its end. On a shared machine that says more than the elapsed time. */
const TELL_CPU =
  'data:text/javascript,import{writeSync}from"node:fs";process.on("exit",()=>{' +
  'const{user,system}=process.cpuUsage();writeSync(2,"\\ncpu "+(user+system)/1e6)})';

/** Runs the lab and returns elapsed time and CPU time of the whole process. An exit status above 1 is an error. */
async function lab(...args: string[]): Promise<string> {
  const began = performance.now();
  const { code, stderr } = await runLab(args, { node: ['--import', TELL_CPU] });
  if (code === null || code > 1) throw new Error(`lab ${args.join(' ')} ended with ${code}:\n${stderr}`);
  const cpu = Number(/\ncpu ([\d.]+)$/.exec(stderr)?.[1]);
  return `${((performance.now() - began) / 1000).toFixed(2)} s (${cpu.toFixed(2)} s of a processor)`;
}

function row(what: string, value: string, target: string): void {
  process.stdout.write(`| ${what} | ${value} | ${target} |\n`);
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).reduce(
    (sum, name) => sum + statSync(join(folder, name)).size,
    0,
  );
}

/**
 * Milliseconds from the start of the navigation to two frames after the page was drawn, and for one choice in the list.
 */
async function front(html: string): Promise<{ usable: number; choice: number; requests: string[] }> {
  return withBrowser(async (browser) => {
    const page = await browser.newPage();
    const requests: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    await page.goto('about:blank');
    const began = performance.now();
    await page.goto(pathToFileURL(join(html, 'index.html')).href, { waitUntil: 'load' });
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    const usable = performance.now() - began;
    const chosen = performance.now();
    const value = String(await page.evaluate("document.querySelector('#chosen').options[1]?.value ?? ''"));
    await page.select('#chosen', value);
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    return { usable, choice: performance.now() - chosen, requests };
  });
}

const dir = makeTemp(join(tmpdir(), 'lab-bench-'));
try {
  const results = join(dir, 'results');
  const nights = Math.max(2, Math.round(runs / CELLS));
  const made = performance.now();
  for (let night = 0; night < nights; night++)
    writeNight({
      results,
      seed: 1,
      night,
      kernels: KERNELS,
      scenarios: CELLS / KERNELS.length ** 2,
      logs: night === nights - 1,
    });
  process.stderr.write(`${nights * CELLS} made-up runs in ${((performance.now() - made) / 1000).toFixed(0)} s\n`);
  row('what', 'measured', 'target');
  row('---', '---', '---');
  row(
    `index of ${nights * CELLS} runs built from scratch, \`lab history --rebuild\``,
    await lab('history', '--rebuild', '--results', results),
    '60 s',
  );
  row('the same, nothing new, `lab history`', await lab('history', '--results', results), '');
  row(`\`lab diff\` of two nights of ${CELLS}`, await lab('diff', '--results', results), '1 s');
  const html = join(dir, 'html');
  row(
    `\`lab report --html\` of a night of ${CELLS}`,
    await lab('report', '--results', results, '--html', html),
    '10 s',
  );
  row('its size', `${(sizeOf(html) / (1 << 20)).toFixed(1)} MiB`, '20 MiB');
  const { usable, choice, requests } = await front(html);
  row('front page in Chromium, drawn and usable', `${(usable / 1000).toFixed(2)} s`, '1 s');
  row('a scenario chosen there', `${(choice / 1000).toFixed(2)} s`, '');
  row(
    'requests that leave the report',
    String(requests.filter((url) => !url.startsWith(pathToFileURL(html).href)).length),
    '0',
  );
} finally {
  rmSync(dir, { recursive: true, force: true });
  untrackTemp(dir);
}
