// SPDX-License-Identifier: Apache-2.0
// `npm run corpus`: runs the labelled scenarios of scenarios/mismatch and prints the tables of docs/mismatch.md and, repeated, of docs/accuracy.md.
// `--runs N` repeats each, `--jobs N` runs that many side by side, `--only PATTERN` takes those whose path matches, `--folder NAME` another
// folder of scenarios/. Ctrl-C prints the tables of what has been run until then.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { ensureKernel, ensureRootFs } from '../images/index.js';
import type { Result } from '../model/result.js';
import type { Scenario } from '../model/scenario.js';
import { loadScenario } from '../scenario/index.js';
import { packageRoot } from '../util/package-root.js';
import { removeAtEnd } from '../util/reaper.js';
import { inWindow } from '../util/window.js';

interface Labelled {
  path: string;
  scenario: Scenario;
}

interface Ran extends Labelled {
  results: Result[];
  /** Of whole processes. */
  seconds: number[];
}

const ROOT = packageRoot();
const options = process.argv.slice(2);
const option = (name: string): string | undefined => (options.includes(name) ? options[options.indexOf(name) + 1] : undefined);
const FOLDER = join(ROOT, 'scenarios', option('--folder') ?? 'mismatch');
const runs = Number(option('--runs')) || 1;
const jobs = Number(option('--jobs')) || 1;
const only = new RegExp(option('--only') ?? '');

async function corpus(): Promise<Labelled[]> {
  const names = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.yaml')).sort();
  return Promise.all(names.filter((name) => only.test(name)).map(async (name) => ({ path: join(FOLDER, name), scenario: await loadScenario(join(FOLDER, name)) })));
}

function runOnce(path: string, results: string): Promise<{ result: Result | null; seconds: number; said: string }> {
  return new Promise((resolve) => {
    const began = performance.now();
    const child = spawn(process.execPath, [join(ROOT, 'bin/lab.js'), 'run', path, '--json', '--results', results], {
      stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, CI: 'true' },
    });
    let stdout = '';
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4000)));
    child.on('close', () => {
      const seconds = (performance.now() - began) / 1000;
      try {
        resolve({ result: JSON.parse(stdout) as Result, seconds, said });
      } catch {
        resolve({ result: null, seconds, said });
      }
    });
  });
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const kindOf = ({ path }: Labelled) => relative(join(ROOT, 'scenarios'), path).split('/').at(-2) ?? '';
const pairOf = ({ scenario }: Labelled) => scenario.kernels.join(' to ');

/** The component is the word among the tags that says nothing else. */
function componentOf({ scenario }: Labelled): string {
  return scenario.tags.find((tag) => !['mismatch', 'fast', 'fault', 'policy'].includes(tag)) ?? '–';
}

/** What is done to the machine from outside nobody can tell beforehand, unless it is a version that is changed. */
function isForetold({ scenario }: Labelled): boolean {
  return scenario.steps.every((step) => step.op !== 'fault' || step.fault.kind === 'replace'
    || (step.fault.kind === 'change' && step.fault.change.how === 'text' && 'field' in step.fault.place && ['version', 'compatible'].includes(step.fault.place.field)));
}

function outcomeTable(all: readonly Ran[]): string[] {
  const rows = all.map((ran) => {
    const [result] = ran.results;
    if (result === undefined) return `| ${cell(ran.scenario.name)} | ${componentOf(ran)} | ${cell(ran.scenario.description)} | | no result | |`;
    const predicted = result.predicted === null ? 'not known' : isForetold(ran) ? result.predicted.outcome : '–';
    return `| ${cell(ran.scenario.name)} | ${componentOf(ran)} | ${cell(ran.scenario.description)} | ${predicted} | ${result.outcome}${result.asExpected ? '' : ` (expected ${result.expected})`} | ${result.endsIn} |`;
  });
  return ['| scenario | component | cause | predicted | outcome | ends in |', '|---|---|---|---|---|---|', ...rows];
}

function accuracyTable(all: readonly Ran[]): string[] {
  const rows = all.map((ran) => {
    const right = ran.results.filter(({ asExpected }) => asExpected).length;
    const different = new Set(ran.results.map(({ outcome, endsIn }) => `${outcome} ${endsIn}`)).size;
    const mean = ran.seconds.reduce((sum, s) => sum + s, 0) / Math.max(1, ran.seconds.length);
    return `| ${cell(ran.scenario.name)} | ${ran.scenario.expect.outcome} | ${right} of ${ran.results.length} | ${different} | ${mean.toFixed(1)} |`;
  });
  return ['| scenario | labelled | right | different verdicts | seconds, mean |', '|---|---|---|---|---|', ...rows];
}

function summary(all: readonly Ran[]): string {
  const verdicts = all.flatMap(({ results }) => results);
  const counts = all.map(({ results }) => results.length);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  const right = verdicts.filter(({ asExpected }) => asExpected).length;
  const seconds = all.flatMap((ran) => ran.seconds).reduce((sum, s) => sum + s, 0);
  const foretold = all.filter(isForetold);
  const wrong = foretold.filter(({ results }) => results.some(({ predicted, outcome }) => predicted?.outcome !== outcome));
  return [
    `${all.length} scenarios, ${least === most ? most : `${least} to ${most}`} ${most === 1 ? 'run' : 'runs'} each, ${jobs} side by side: ${right} of ${verdicts.length} verdicts right.`,
    `${(seconds / Math.max(1, verdicts.length)).toFixed(1)} s a run on average, whole process.`,
    `Predictions of version cases: ${foretold.length - wrong.length} of ${foretold.length} right${wrong.length === 0 ? '' : `; not: ${wrong.map(({ scenario }) => scenario.name).join(', ')}`}.`,
  ].join(' ');
}

const folder = mkdtempSync(join(tmpdir(), 'lab-corpus-'));
removeAtEnd(folder);
const labelled = await corpus();
const context = { signal: new AbortController().signal, onProgress: () => undefined };
// Building is not part of a run's time.
for (const name of new Set(labelled.flatMap(({ scenario }) => scenario.kernels))) {
  process.stderr.write(`kernel ${name}\n`);
  await ensureKernel(name, context);
}
await ensureRootFs(context);

const ran: Ran[] = labelled.map((each) => ({ ...each, results: [], seconds: [] }));
let done = 0;
let stopped = false;
process.once('SIGINT', () => (stopped = true));
const wall = performance.now();
await inWindow(Array.from({ length: runs }, () => ran).flat(), jobs, async (each) => {
  if (stopped) return;
  const { result, seconds, said } = await runOnce(each.path, folder);
  // A Ctrl-C goes to the runs under way, too.
  if (stopped && result === null) return;
  if (result !== null) each.results.push(result);
  each.seconds.push(seconds);
  done++;
  const verdict = result === null ? `NO RESULT\n${said}` : `${result.outcome}${result.asExpected ? '' : `, NOT ${result.expected}: ${result.cause?.title ?? ''}; ${result.cause?.detail.slice(0, 400) ?? ''}`}`;
  process.stderr.write(`[${done}/${ran.length * runs}] ${relative(FOLDER, each.path)} ${pairOf(each)} ${seconds.toFixed(1)} s: ${verdict}\n`);
});
process.stderr.write(`all in ${((performance.now() - wall) / 1000).toFixed(0)} s\n`);

const print = (table: (all: readonly Ran[]) => string[]): void => {
  for (const kind of new Set(ran.map(kindOf))) process.stdout.write(`\n## ${kind}\n\n${table(ran.filter((each) => kindOf(each) === kind)).join('\n')}\n`);
};
print(outcomeTable);
if (runs > 1) print(accuracyTable);
process.stdout.write(`\n${summary(ran)}\n`);
rmSync(folder, { recursive: true, force: true });
process.exit(ran.every(({ results }) => results.length === runs && results.every(({ asExpected }) => asExpected)) ? 0 : 1);
