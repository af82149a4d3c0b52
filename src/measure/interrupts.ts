// SPDX-License-Identifier: Apache-2.0
// `npm run interrupts`: interrupts commands at random moments, and prints how long each took to end. `--moments N`
// (36), `--seed N` (1), `--within SECONDS` (20): the moments lie in the first seconds of a command. Exits with 0 only
// if every command ended with the right status and left no process, socket or file behind.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../util/package-root.js';
import { type Child, startChild } from '../util/process/child.js';
import { Random } from '../util/random.js';
import { removeTemp, trackTemp } from '../util/process/reaper.js';

const ROOT = packageRoot();
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type Signal = keyof typeof SIGNALS;
/** Milliseconds that the reaper, which outlives the lab, has to remove what a killed process left. */
const REAPED_MS = 2000;
const MARK = 'LAB_INTERRUPT_MARK';

const options = process.argv.slice(2);
const option = (name: string, usual: number): number =>
  Number(options.includes(name) ? options[options.indexOf(name) + 1] : usual);
const moments = option('--moments', 36);
const within = option('--within', 20);

const random = new Random(option('--seed', 1));
const scenario = (name: string): string => join(ROOT, 'scenarios', `${name}.yaml`);
const COMMANDS: readonly (readonly string[])[] = [
  ['run', scenario('first-update')],
  ['matrix', scenario('matrix/quick'), '--jobs', '1'],
  ['run', scenario('corrupt')],
  ['minimise', scenario('lost'), '--jobs', '1', '--times', '1'],
  ['shell', scenario('pair')],
];

interface End {
  ms: number;
  status: number | string | null;
  stderr: string;
  left: string[];
}

async function interruptOne(words: readonly string[], signal: Signal, at: number): Promise<End> {
  const dir = mkdtempSync(join(tmpdir(), 'lab-interrupts-'));
  trackTemp(dir);
  const [temporary, results] = [join(dir, 'tmp'), join(dir, 'results')];
  mkdirSync(temporary);
  mkdirSync(results);
  const where = words[0] === 'minimise' ? ['--output', join(dir, 'min.yaml')] : [];
  const child = startChild([process.execPath, join(ROOT, 'bin/lab.js'), ...words, ...where, '--results', results], {
    stdio: ['pipe', 'ignore', 'pipe'],
    tie: 'none',
    env: { ...process.env, CI: 'true', TMPDIR: temporary, [MARK]: dir },
  });
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-4000)));
  const exit = new Promise<number>((resolve) => child.onExit(() => resolve(performance.now())));
  await Promise.race([exit, new Promise((resolve) => setTimeout(resolve, at))]);
  const sent = performance.now();
  send(child, signal);
  const ms = (await exit) - sent;
  const end = await child.ended;
  const left = await leftBehind(dir, temporary, results);
  removeTemp(dir);
  return { ms, status: end.code ?? end.signal, stderr, left };
}

function send({ pid }: Child, signal: Signal): void {
  try {
    if (pid !== undefined) process.kill(pid, signal);
  } catch {
    // It has ended on its own.
  }
}

/** What is still there, once the reaper had its time. */
async function leftBehind(mark: string, temporary: string, results: string): Promise<string[]> {
  const look = (): string[] => [
    ...processesOf(mark),
    ...readdirSync(temporary),
    ...readdirSync(results).filter((name) => name.startsWith('.')),
  ];
  for (const until = performance.now() + REAPED_MS; performance.now() < until && look().length > 0;)
    await new Promise((resolve) => setTimeout(resolve, 50));
  return look();
}

/** Every process that the command started inherits its environment. */
function processesOf(mark: string): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`${MARK}=${mark}`)
        ? [`process ${pid}: ${readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').slice(0, 100)}`]
        : [];
    } catch {
      return [];
    }
  });
}

process.stdout.write('| command | signal, at | ended after | status, what it said |\n|---|---|---|---|\n');
const times: number[] = [];
let bad = 0;
for (let n = 0; n < moments; n++) {
  const words = COMMANDS[n % COMMANDS.length] ?? [];
  const signal = (Object.keys(SIGNALS) as Signal[])[n % 3] ?? 'SIGINT';
  const at = 100 + random.next() * within * 1000;
  const { ms, status, stderr, left } = await interruptOne(words, signal, at);
  // A command that had ended before has its own status.
  const ended = ms < 0;
  const good = left.length === 0 && (ended || status === SIGNALS[signal] || status === signal);
  if (!ended) times.push(ms);
  if (!good) bad++;
  const said = stderr
    .trim()
    .split('\n')
    .filter((line) => /^(lab|kept):/.test(line))
    .join('; ')
    .slice(0, 160);
  process.stdout.write(
    `| ${words[0]} | ${signal}, ${(at / 1000).toFixed(1)} s | ${ended ? 'had ended' : `${Math.round(ms)} ms`} | ` +
      `${status}${said === '' ? '' : `, ${said}`}${left.length > 0 ? `; LEFT: ${left.join(', ')}` : ''} |\n`,
  );
}
const sorted = [...times].sort((a, b) => a - b);
process.stdout.write(
  `\n${times.length} interrupts: median ${Math.round(sorted[sorted.length >> 1] ?? 0)} ms, ` +
    `worst ${Math.round(sorted.at(-1) ?? 0)} ms; ${bad} not as they should be\n`,
);
process.exit(bad === 0 ? 0 : 1);
