// SPDX-License-Identifier: Apache-2.0
// `npm run loop`: how late the event loop is while many runs scan memory at once, in one process and in a process for
// each run. A run is stood in for: it looks at its machine every 25 ms, and now and then scans for `--scan MS` (200)
// without a pause. `--runs N,N` (8,30,60), `--seconds N` (8).
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { z } from 'zod';
import { parseJson } from '../util/json.js';
import { blockedMs, type LoopDelay, measureLoop } from '../util/loop/meter.js';
import { runCommand } from '../util/process/command.js';

const options = new Command('loop')
  .description('measures how late the event loop is while many runs scan memory at once')
  .option('--scan <ms>', 'how long a run scans without a pause', '200')
  .option('--seconds <n>', 'time for each row', '8')
  .option('--runs <list>', 'numbers of runs, separated by commas', '8,30,60')
  .option('--stand-in', 'be one of the runs')
  .parse()
  .opts<{ scan: string; seconds: string; runs: string; standIn?: true }>();
const scan = Number(options.scan);
const seconds = Number(options.seconds);
const runs = options.runs.split(',').map(Number);
/** A run scans for a twentieth of its time: two looks of 200 ms at a file of some 400 MiB in 8 s. */
const SHARE = 20;

const delaySchema = z.object({ p99: z.number(), max: z.number(), blocked: z.number() });
type Measured = z.infer<typeof delaySchema>;

/** `count` runs in this process. */
async function standIn(count: number): Promise<Measured> {
  const loop = measureLoop();
  const before = blockedMs();
  const timers = Array.from({ length: count }, (_, n) => [
    setInterval(() => undefined, 25),
    // Not all at the same time.
    setTimeout(
      () => {
        block(scan);
        timers.push([setInterval(() => block(scan), scan * SHARE)]);
      },
      (n * scan * SHARE) / count,
    ),
  ]);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  for (const timer of timers.flat()) clearInterval(timer);
  const delay: LoopDelay = loop.delay();
  loop.stop();
  return { ...delay, blocked: Math.round(blockedMs() - before) };
}

/** Works on one processor without giving way. */
function block(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

async function inOwnProcesses(count: number): Promise<Measured> {
  const self = [process.execPath, fileURLToPath(import.meta.url), '--stand-in', '--scan', `${scan}`];
  const all = await Promise.all(
    Array.from({ length: count }, async () => {
      const { stdout, stderr } = await runCommand([...self, '--seconds', `${seconds}`]);
      const measured = parseJson(stdout, delaySchema);
      if (measured === null) throw new Error(`no figures: ${stderr}`);
      return measured;
    }),
  );
  const worst = (of: (each: Measured) => number): number => Math.max(...all.map(of));
  return { p99: worst(({ p99 }) => p99), max: worst(({ max }) => max), blocked: worst(({ blocked }) => blocked) };
}

if (options.standIn === true) {
  process.stdout.write(JSON.stringify(await standIn(1)));
} else {
  process.stdout.write(
    `${cpus().length} cores, ${seconds} s, each run scans ${scan} ms in ${(scan * SHARE) / 1000} s\n\n` +
      '| runs | one process: p99, most, blocked | a process each, the worst: p99, most, blocked |\n|---|---|---|\n',
  );
  const text = ({ p99, max, blocked }: Measured): string => `${p99} ms, ${max} ms, ${(blocked / 1000).toFixed(1)} s`;
  for (const count of runs)
    process.stdout.write(`| ${count} | ${text(await standIn(count))} | ${text(await inOwnProcesses(count))} |\n`);
}
