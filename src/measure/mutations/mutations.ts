// SPDX-License-Identifier: Apache-2.0
// `npm run mutations`: how many faults an hour can be tried from each rung, each in a machine of its own, with the
// lab's agent and a verdict. The faults are those of scenarios/mismatch/faults that fit one ladder.
// `--rungs LIST`, `--machines LIST` (how many at once), `--seconds N` (for each row). `--once` tries each fault once
// from each rung at which it can start: all must have the verdict of their scenario.
import { mkdtempSync, readdirSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { RUNGS, type Rung } from '../../model/result/snapshot.js';
import { Preparation } from '../../perform/prepare.js';
import { loadScenario } from '../../scenario/index.js';
import { packageRoot } from '../../util/package-root.js';
import { trackTemp } from '../../util/process/reaper.js';
import { LadderRuns, type Member, startsAt } from '../../perform/ladder-runs.js';

const FAULTS = join(packageRoot(), 'scenarios', 'mismatch', 'faults');
/** Its machine is the one that is saved; most of the others have the same. */
const FIRST = 'memfd-position.yaml';

const options = new Command('mutations')
  .description('measures how many faults an hour can be tried from each rung')
  .option('--rungs <list>', 'rungs, separated by commas', 'jump,luo,open,retrieve')
  .option('--machines <list>', 'how many machines at once, separated by commas', '1,2')
  .option('--seconds <n>', 'time for each row', '60')
  .option('--once', 'try each fault once from each rung at which it can start, however long that takes')
  .parse()
  .opts<{ rungs: string; machines: string; seconds: string; once?: true }>();

const folder = mkdtempSync(join(tmpdir(), 'lab-mutations-'));
trackTemp(folder);
const { signal } = new AbortController();

/** Milliseconds of each run, and those whose verdict is not the one of their scenario. */
interface Tried {
  ms: number[];
  wrong: string[];
  seconds: number;
}

async function tryFaults(runs: LadderRuns, members: readonly Member[], rung: Rung, machines: number): Promise<Tried> {
  const began = performance.now();
  const end = began + Number(options.seconds) * 1000;
  const tried: Tried = { ms: [], wrong: [], seconds: 0 };
  let next = 0;
  const machine = async () => {
    while (options.once === true ? next < members.length : performance.now() < end) {
      const member = members[next++ % members.length] as Member;
      const started = performance.now();
      const {
        record: { verdict },
      } = await runs.run(member, rung);
      tried.ms.push(performance.now() - started);
      const { name, expect } = member.scenario;
      if (verdict.outcome !== expect.outcome) tried.wrong.push(`${name}: ${verdict.outcome}, not ${expect.outcome}`);
    }
  };
  await Promise.all(Array.from({ length: machines }, machine));
  tried.seconds = (performance.now() - began) / 1000;
  return tried;
}

function percentile(values: readonly number[], share: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  return `${((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0) / 1000).toFixed(2)} s`;
}

const scenarios = await Promise.all(readdirSync(FAULTS).map((name) => loadScenario(join(FAULTS, name))));
const first = await loadScenario(join(FAULTS, FIRST));
const preparation = new Preparation({ accel: 'tcg', signal, everyHandover: true });
for (const stage of preparation.stages([first])) await stage.run({ detail: () => undefined });
const prepared = preparation.of(first);
const runs = await LadderRuns.climb(first, prepared, { folder, signal });
const own = scenarios.filter(({ kernels }) => kernels.join() === first.kernels.join());
const members = own.flatMap((scenario) => runs.member(scenario) ?? []);

process.stdout.write(
  `Load ${(loadavg()[0] ?? 0).toFixed(1)}, ${members.length} faults, ` +
    `${options.once === true ? 'each once' : `${options.seconds} s`} a row.\n\n` +
    '| from | machines | an hour; p50, p95; faults; other verdicts |\n|---|---|---|\n',
);
const wrong = new Set<string>();
for (const rung of RUNGS.filter((each) => options.rungs.split(',').includes(each))) {
  const fitting = members.filter((member) => startsAt(member, rung));
  for (const machines of options.machines.split(',').map(Number)) {
    const { ms, wrong: others, seconds } = await tryFaults(runs, fitting, rung, machines);
    for (const each of others) wrong.add(`${rung}: ${each}`);
    const hourly = Math.round((3600 * ms.length) / seconds);
    process.stdout.write(
      `| \`${rung}\` | ${machines} | ${hourly}; ${percentile(ms, 0.5)}, ${percentile(ms, 0.95)}; ${fitting.length}; ` +
        `${others.length} of ${ms.length} |\n`,
    );
  }
}
for (const each of wrong) process.stdout.write(`${each}\n`);
process.exit(wrong.size === 0 ? 0 : 1);
