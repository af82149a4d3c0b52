// SPDX-License-Identifier: Apache-2.0
// `npm run fuzz:parsers`: feeds mutated inputs to every parser of foreign input, and checks that none crashes, takes
// more than 100 ms, or grows. Every part is recorded, so a round of hours continues where it was interrupted.
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { parseJson } from '../../src/util/json.js';
import { feedRound } from './run.js';
import type { Finding } from './target.js';
import { TARGETS } from './targets/index.js';
import { Watchdog } from './watchdog.js';

/** Inputs of a target between two lines of the journal. */
const PART = 10_000;

const options = new Command('fuzz:parsers')
  .description('feeds mutated inputs to every parser of foreign input')
  .option('--count <n>', 'inputs in all, shared by weight', '1000000')
  .option('--target <name>', 'only targets whose name contains this', '')
  .option('--seed <n>', 'decides about all inputs', '1')
  .option('--minutes <n>', 'start no other part after this time', '600')
  .option('--journal <file>', 'record the parts in this file', join('results', 'fuzz-parsers.jsonl'))
  .parse()
  .opts<Record<'count' | 'target' | 'seed' | 'minutes' | 'journal', string>>();
const seed = Number(options.seed);

const part = z.object({
  seed: z.number(),
  target: z.string(),
  from: z.number(),
  inputs: z.number(),
  accepted: z.number(),
  slowest: z.number(),
  heap: z.object({ first: z.number(), last: z.number() }),
  findings: z.number(),
});
type Part = z.infer<typeof part>;

mkdirSync(dirname(options.journal), { recursive: true });
const parts: Part[] = (existsSync(options.journal) ? readFileSync(options.journal, 'utf8') : '')
  .split('\n')
  .flatMap((line) => parseJson(line, part) ?? [])
  .filter((each) => each.seed === seed);

const chosen = TARGETS.filter(({ name }) => name.includes(options.target));
const weights = chosen.reduce((sum, { weight }) => sum + weight, 0);
const wanted = new Map(chosen.map(({ name, weight }) => [name, Math.ceil((Number(options.count) * weight) / weights)]));
const until = performance.now() + Number(options.minutes) * 60_000;
const watchdog = new Watchdog();
let stopped = false;
process.on('SIGINT', () => (stopped = true));

function keep({ target, kind, input, detail }: Finding): void {
  const path = join(dirname(options.journal), 'fuzz-findings', `${target}-${kind}-${input.length}-${Date.now()}`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.input`, input);
  writeFileSync(`${path}.txt`, `${detail}\n`);
  process.stdout.write(`${target}: ${kind}, ${path}.input\n  ${detail.split('\n').slice(0, 5).join('\n  ')}\n`);
}

const doneOf = (target: string) =>
  parts.filter((each) => each.target === target).reduce((sum, { inputs }) => sum + inputs, 0);

// In turns, so that an interrupted round has fed all of them.
for (let open = true; open && !stopped;) {
  open = false;
  for (const target of chosen) {
    const from = doneOf(target.name);
    const count = Math.min(PART, (wanted.get(target.name) ?? 0) - from);
    if (count <= 0 || stopped || performance.now() > until) continue;
    open = true;
    const fed = await feedRound(target, { seed, from, count, onInput: (number) => watchdog.saw(number) });
    for (const finding of fed.findings) keep(finding);
    const line: Part = { ...fed, seed, from, findings: fed.findings.length, inputs: count };
    appendFileSync(options.journal, `${JSON.stringify(line)}\n`);
    parts.push(line);
    process.stderr.write(
      `${target.name} ${from + count}/${wanted.get(target.name)}: slowest ${fed.slowest.toFixed(0)} ms, ` +
        `${fed.findings.length} findings\n`,
    );
  }
}

const total = parts.reduce((sum, { inputs }) => sum + inputs, 0);
process.stdout.write('| parser | inputs, of them accepted | slowest input, growth of the heap |\n|---|---|---|\n');
for (const { name } of chosen) {
  const of = parts.filter(({ target }) => target === name);
  const sum = (key: 'inputs' | 'accepted') => of.reduce((all, each) => all + each[key], 0).toLocaleString('en');
  const growth = Math.max(0, ...of.map(({ heap }) => heap.last - heap.first));
  const slowest = Math.max(0, ...of.map((each) => each.slowest));
  const costs = `${slowest.toFixed(0)} ms, ${(growth / 1024).toFixed(0)} KiB`;
  process.stdout.write(`| ${name} | ${sum('inputs')}, ${sum('accepted')} | ${costs} |\n`);
}
const findings = parts.reduce((sum, each) => sum + each.findings, 0);
process.stdout.write(`${total.toLocaleString('en')} inputs, seed ${seed}: ${findings} findings\n`);
process.exit(findings === 0 ? 0 : 1);
