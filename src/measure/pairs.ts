// SPDX-License-Identifier: Apache-2.0
// `npm run pairs`: runs scenarios/pair.yaml on all pairs of kernels that have LUO, and prints the table of
// docs/pairs.md.
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Result } from '../model/result/result.js';
import { packageRoot } from '../util/package-root.js';
import { makeTemp } from '../util/process/reaper.js';
import { resultOf, runLab, toStderr } from './lab.js';

const KERNELS = ['6.19.11', '7.1.13', '7.2.12', '7.3.4'];
const results = makeTemp(join(tmpdir(), 'lab-pairs-'));

async function run(from: string, to: string): Promise<Result> {
  const scenario = join(packageRoot(), 'scenarios/pair.yaml');
  const words = ['run', scenario, '--json', '--from', from, '--to', to, '--results', results];
  const ended = await runLab(words, { onStderr: toStderr });
  // Status 1 means another outcome than pair.yaml expects. The table shows those.
  if (ended.code !== 0 && ended.code !== 1) throw new Error(`${from} to ${to}: lab run ended with ${ended.code}`);
  return resultOf(ended);
}

/** The first mismatch, if there is one. */
function mismatchText({ mismatches }: Result): string[] {
  return mismatches.slice(0, 1).map(({ component, wrote, reads }) => {
    const read = reads.length === 0 ? 'not' : reads.map((version) => `v${version}`).join(', ');
    return `${component} v${wrote ?? '?'} written, ${read} read`;
  });
}

function pagesText({ memory }: Result): string[] {
  const counts = [
    ['intact', memory.pagesIntact],
    ['lost', memory.pagesLost],
    ['leaked', memory.pagesLeaked],
  ] as const;
  return counts.filter(([, count]) => count > 0).map(([name, count]) => `${count} pages ${name}`);
}

function cellOf(result: Result): string {
  const { outcome, predicted } = result;
  const missed = predicted?.hit === true ? [] : [`predicted ${predicted?.outcome ?? 'not known'}`];
  return `${outcome}: ${[...mismatchText(result), ...pagesText(result), ...missed].join('; ')}`;
}

process.stdout.write('| from | to | outcome |\n|---|---|---|\n');
for (const from of KERNELS) {
  for (const to of KERNELS) process.stdout.write(`| ${from} | ${to} | ${cellOf(await run(from, to))} |\n`);
}
rmSync(results, { recursive: true, force: true });
process.exit(0);
