// SPDX-License-Identifier: Apache-2.0
// Rounds of one run: to its end, killed, interrupted, and on a full disk.
import { join } from 'node:path';
import { packageRoot } from '../../util/package-root.js';
import type { Bench } from './bench.js';
import type { Round } from './plan.js';
import { lastLine, saysBug, StartedLab } from './started-lab.js';
import { verdictsIn } from './verdicts.js';

export type SingleRound = Exclude<Round, { kind: 'queue' }>;

export interface Report {
  right: number;
  problems: string[];
  /** Milliseconds of a run that nobody disturbed. */
  wholeMs: number | null;
  endedMs: number | null;
  skipped: string | null;
  messages: string;
}

const EXIT_INFRA = 3;
/** Milliseconds between Ctrl-C and the end: two seconds, and what a busy host adds. */
const MAX_END_MS = 4000;
/** Milliseconds that the second Ctrl-C may take. */
const MAX_SECOND_MS = 1500;
const INTERRUPTED = 130;

const fileOf = (scenario: string) => join(packageRoot(), 'scenarios', `${scenario}.yaml`);

export async function runSingle(bench: Bench, round: SingleRound, typicalMs: number): Promise<Report> {
  if (round.kind === 'full') return runFull(bench, round);
  const lab = new StartedLab(['run', fileOf(round.scenario), '--results', bench.results], bench.env);
  let endedMs: number | null = null;
  let isDisturbed = false;
  if (round.kind === 'killed') isDisturbed = await lab.killAfter(round.at * typicalMs, 'SIGKILL');
  if (round.kind === 'interrupted') {
    isDisturbed = await lab.killAfter(round.at * typicalMs, 'SIGINT');
    const at = performance.now();
    if (isDisturbed && round.again !== null) await lab.killAfter(round.again, 'SIGINT');
    await lab.ended;
    if (isDisturbed) endedMs = performance.now() - at;
  }
  const { code, signal, ms } = await lab.ended;
  const { right, problems } = verdictsIn(bench.results);
  if (saysBug(lab.messages)) problems.push(`an error that the lab did not expect: ${lastLine(lab.messages)}`);
  if (!isDisturbed && (code !== 0 || right.size !== 1))
    problems.push(`ended with ${code ?? signal} and ${right.size} right verdicts: ${lastLine(lab.messages)}`);
  // The verdict may have been there already when the signal came, or Node had not even started the lab.
  const early = signal === 'SIGINT' && lab.messages === '';
  if (
    round.kind === 'interrupted' &&
    isDisturbed &&
    code !== INTERRUPTED &&
    !early &&
    !(code === 0 && right.size === 1)
  )
    problems.push(`ended with ${code ?? signal} after Ctrl-C: ${lastLine(lab.messages)}`);
  const limit = round.kind === 'interrupted' && round.again !== null ? round.again + MAX_SECOND_MS : MAX_END_MS;
  if (endedMs !== null && endedMs > Math.min(limit, MAX_END_MS))
    problems.push(`ended ${(endedMs / 1000).toFixed(2)} s after Ctrl-C`);
  const wholeMs = isDisturbed ? null : ms;
  return { right: right.size, problems, wholeMs, endedMs, skipped: null, messages: lab.messages };
}

/** The disk is full at some moment, or just large enough. */
async function runFull(bench: Bench, { scenario, what, bytes }: Extract<Round, { kind: 'full' }>): Promise<Report> {
  const report: Report = { right: 0, problems: [], wholeMs: null, endedMs: null, skipped: null, messages: '' };
  const { noDisks } = bench;
  if (noDisks !== null) return { ...report, skipped: noDisks };
  try {
    await bench.fill(what, bytes);
  } catch (error) {
    await bench.unfill();
    return { ...report, skipped: (error as Error).message };
  }
  try {
    const args = ['run', fileOf(scenario), '--results', bench.results];
    const env = what === 'cache' ? { ...bench.env, LAB_CACHE: bench.cache } : bench.env;
    const lab = new StartedLab(args, env);
    const { code, signal } = await lab.ended;
    const { right, problems } = verdictsIn(bench.results);
    report.messages = lab.messages;
    report.right = right.size;
    // A full disk is the host's fault: no verdict on a kernel, and a message that says so.
    if (code !== 0 && code !== EXIT_INFRA) report.problems.push(`a full disk ended with ${code ?? signal}`);
    if (code === 0 && right.size !== 1) report.problems.push(`ended with 0 and ${right.size} right verdicts`);
    if (code !== 0 && !/disk|space|cannot be written/i.test(lab.messages))
      report.problems.push(`a full disk is not named: ${lastLine(lab.messages)}`);
    if (saysBug(lab.messages)) report.problems.push(`an unexpected error: ${lastLine(lab.messages)}`);
    // A stored run may say infra here, and nothing else.
    report.problems.push(...problems.filter((problem) => !problem.includes(' is infra: ')));
    if (what === 'cache') report.problems.push(...(await afterFullCache(bench, args, env)));
  } finally {
    // Processes that still end keep the disk busy for a moment.
    await bench.settled();
    await bench.unfill();
  }
  return report;
}

/** What the full cache kept must be whole: the next run, with room, uses it. */
async function afterFullCache(bench: Bench, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string[]> {
  await bench.widen();
  bench.clear();
  const lab = new StartedLab(args, env);
  const { code, signal } = await lab.ended;
  const { right, problems } = verdictsIn(bench.results);
  if (code === 0 && right.size === 1) return problems;
  return [...problems, `with room again, it ended with ${code ?? signal}: ${lastLine(lab.messages)}`];
}
