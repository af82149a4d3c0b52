// SPDX-License-Identifier: Apache-2.0
// `npm run pairs`: runs scenarios/pair.yaml over all pairs of the kernels that have LUO and prints the table of docs/pairs.md.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Result } from '../model/result.js';
import { packageRoot } from '../util/package-root.js';
import { removeAtEnd } from '../util/reaper.js';

const KERNELS = ['6.19.11', '7.1.13', '7.2.12', '7.3.4'];
const results = mkdtempSync(join(tmpdir(), 'lab-pairs-'));
removeAtEnd(results);

function run(from: string, to: string): Result {
  const args = [join(packageRoot(), 'bin/lab.js'), 'run', join(packageRoot(), 'scenarios/pair.yaml'), '--json', '--from', from, '--to', to, '--results', results];
  const child = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 64 << 20, stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, CI: 'true' } });
  // 1: not the outcome that pair.yaml expects, which is what the table is about.
  if (child.status !== 0 && child.status !== 1) throw new Error(`${from} to ${to}: lab run ended with ${child.status}`);
  return JSON.parse(child.stdout) as Result;
}

function mismatchText({ mismatches }: Result): string {
  const [first] = mismatches;
  if (first === undefined) return '–';
  return `${first.component}: v${first.wrote ?? '?'} written, ${first.reads.length === 0 ? 'not' : first.reads.map((version) => `v${version}`).join(', ')} read`;
}

process.stdout.write('| from | to | outcome | ends in | does not match | pages intact / lost / leaked | predicted |\n|---|---|---|---|---|---|---|\n');
for (const from of KERNELS) {
  for (const to of KERNELS) {
    const result = run(from, to);
    const { memory, predicted } = result;
    process.stdout.write(`| ${from} | ${to} | ${result.outcome} | ${result.endsIn} | ${mismatchText(result)} | ${memory.pagesIntact} / ${memory.pagesLost} / ${memory.pagesLeaked} | ${predicted?.outcome ?? 'not known'}${predicted?.hit === false ? ' (missed)' : ''} |\n`);
  }
}
rmSync(results, { recursive: true, force: true });
process.exit(0);
