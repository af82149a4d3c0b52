// SPDX-License-Identifier: Apache-2.0
// Rounds over a queue: a matrix gives its cells to a worker that lives through all rounds, while Redis, the worker and
// the matrix itself are killed.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { matrixIds, readAttempts, readMatrix } from '../../store/matrix/folder.js';
import { coldRepeats, lastAttempts } from '../../store/matrix/pair-results.js';
import { packageRoot } from '../../util/package-root.js';
import type { Bench } from './bench.js';
import { processesWith, rssKiB } from './leftovers.js';
import type { RedisGap, Round } from './plan.js';
import { Server } from './server.js';
import type { Report } from './single.js';
import { lastLine, pause, saysBug, StartedLab } from './started-lab.js';
import { verdictsIn } from './verdicts.js';

type QueueRound = Extract<Round, { kind: 'queue' }>;

/** No round of a few cells takes longer, even if a lost worker's lock has to expire. */
const MAX_ROUND_MS = 600_000;
/** Milliseconds until an idle worker has removed what it sent. */
const MAX_IDLE_MS = 10_000;

export class Queue {
  private server: Server | null = null;
  private worker: StartedLab | null = null;

  constructor(private readonly bench: Bench) {}

  private get folder(): string {
    return join(this.bench.folder, 'queue');
  }

  /** Folder of the worker's temporary files, apart from those of the rounds. */
  private get temporary(): string {
    return join(this.folder, 'tmp');
  }

  private get workerEnv(): NodeJS.ProcessEnv {
    return { TMPDIR: this.temporary, LAB_ENDURANCE_WORKER: this.bench.folder };
  }

  private startWorker(url: string): StartedLab {
    this.worker = new StartedLab(['worker', '--queue', url, '--jobs', '1'], this.workerEnv);
    return this.worker;
  }

  get memory(): { pid: number; rssKiB: number } | null {
    const pid = this.worker?.pid ?? -1;
    const kib = rssKiB(pid);
    return kib === null ? null : { pid, rssKiB: kib };
  }

  async run(round: QueueRound, typicalMs: number): Promise<Report> {
    const { bench } = this;
    mkdirSync(this.temporary, { recursive: true });
    this.server ??= await Server.start(join(this.folder, 'redis'));
    const { server } = this;
    let worker = this.worker ?? this.startWorker(server.url);
    const plan = join(this.folder, 'plan.yaml');
    writeFileSync(plan, planText(round));
    const args = ['matrix', plan, '--queue', server.url, '--results', bench.results];
    const problems: string[] = [];
    const messages: string[] = [];
    const done = new AbortController();
    const troubles = this.redisTroubles(server, round.redis, typicalMs, done.signal);
    const killWorker = async () => {
      if (round.workerKilled === null) return;
      await pauseUntil(round.workerKilled * typicalMs, done.signal);
      if (done.signal.aborted) return;
      worker.kill('SIGKILL');
      await worker.ended;
      worker = this.startWorker(server.url);
    };
    const workerKilled = killWorker();
    const limit = setTimeout(() => matrix.kill('SIGKILL'), MAX_ROUND_MS);
    let matrix = new StartedLab(args, bench.env);
    if (
      round.matrixKilled !== null &&
      (await matrix.killAfter(round.matrixKilled * typicalMs, 'SIGKILL')) &&
      (await matrix.ended).signal === 'SIGKILL'
    ) {
      messages.push(matrix.messages);
      // Killed before it had a folder, there is nothing to resume.
      const canResume = matrixIds(bench.results).length > 0;
      matrix = new StartedLab(canResume ? [...args, '--resume'] : args, bench.env);
    }
    const { code, signal } = await matrix.ended;
    clearTimeout(limit);
    done.abort();
    await Promise.all([troubles, workerKilled]);
    messages.push(matrix.messages, worker.messages);
    if (code !== 0) problems.push(`the matrix ended with ${code ?? signal}: ${lastLine(matrix.messages)}`);
    if (messages.some(saysBug)) problems.push('an error that the lab did not expect');
    const { right, lost } = this.verdicts();
    problems.push(...lost, ...(await this.workerLeft()));
    const report = { right, problems, wholeMs: null, endedMs: null, skipped: null };
    return { ...report, messages: messages.join('\n----\n') };
  }

  private async redisTroubles(server: Server, gaps: RedisGap[], typicalMs: number, signal: AbortSignal) {
    const began = performance.now();
    for (const { at, ms, forgets } of gaps) {
      await pauseUntil(at * typicalMs - (performance.now() - began), signal);
      if (signal.aborted) return;
      await server.kill({ forgets });
      await pause(ms);
      await server.begin();
    }
  }

  /**
   * Every cell has exactly one verdict, the right one, and its run is there; no run belongs to no attempt. A cell of
   * the sample that also runs cold has it twice (matrix/cold-sample.ts).
   */
  private verdicts(): { right: number; lost: string[] } {
    const { results } = this.bench;
    const { right, problems } = verdictsIn(results);
    const ids = matrixIds(results);
    const claimed = new Set<string>();
    let cells = 0;
    for (const id of ids) {
      const folder = join(results, id);
      const { attempts, damaged } = readAttempts(folder);
      if (damaged > 0) problems.push(`${damaged} damaged lines of cells.jsonl`);
      const last = lastAttempts(attempts);
      const repeats = new Set(coldRepeats(attempts));
      const firsts = attempts.filter((attempt) => attempt.outcome !== 'infra' && !repeats.has(attempt));
      for (const cell of readMatrix(folder).cells) {
        const of = firsts.filter((attempt) => attempt.cell === cell.id);
        const run = last.get(cell.id)?.run ?? null;
        if (of.length !== 1) problems.push(`cell ${cell.id} has ${of.length} verdicts`);
        else if (run === null || right.get(run)?.outcome !== of[0]?.outcome)
          problems.push(`cell ${cell.id}: its run does not have its verdict`);
        else cells++;
      }
      for (const { run, outcome, title } of attempts) {
        if (outcome === 'infra') problems.push(`an attempt ended in infra: ${title}`);
        if (run !== null) claimed.add(run);
      }
    }
    if (ids.length !== 1) problems.push(`${ids.length} matrices instead of one`);
    for (const run of right.keys()) if (!claimed.has(run)) problems.push(`${run} belongs to no cell`);
    return { right: cells, lost: problems };
  }

  /** An idle worker keeps no machine and no run. */
  private async workerLeft(): Promise<string[]> {
    const traces = {
      tag: `LAB_ENDURANCE_WORKER=${this.bench.folder}`,
      folders: [this.temporary],
      except: new Set<number>(),
    };
    const until = performance.now() + MAX_IDLE_MS;
    for (;;) {
      const machines = processesWith(traces).filter((text) => /qemu-system/.test(text));
      if (machines.length === 0) return [];
      if (performance.now() > until) return machines.map((text) => `machine of an idle worker: ${text}`);
      await pause(100);
    }
  }

  async close(): Promise<string[]> {
    this.worker?.kill('SIGTERM');
    await this.worker?.ended;
    await this.server?.kill({ forgets: true });
    const traces = { tag: `LAB_ENDURANCE_WORKER=${this.bench.folder}`, folders: [], except: new Set<number>() };
    const until = performance.now() + MAX_IDLE_MS;
    for (;;) {
      const left = existsSync(this.temporary) ? processesWith(traces) : [];
      if (left.length === 0 || performance.now() > until) return left.map((text) => `process of the worker: ${text}`);
      await pause(100);
    }
  }
}

function planText({ scenarios }: QueueRound): string {
  const entries = [...new Set(scenarios)].map((name) => {
    const repeats = scenarios.filter((each) => each === name).length;
    return `  - {file: ${join(packageRoot(), 'scenarios', `${name}.yaml`)}, kernels: own, repeats: ${repeats}}`;
  });
  return `kernels: [7.3.4]\nscenarios:\n${entries.join('\n')}\n`;
}

function pauseUntil(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, Math.max(0, ms));
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
