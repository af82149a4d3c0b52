// SPDX-License-Identifier: Apache-2.0
// Runs the inputs of a hunt on the workers of a queue. Each is a task like a cell of a matrix, so workers need not know
// hunts. The hunt, its corpus and the confirmation of findings stay on this host.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { readCoverage } from '../../coverage/index.js';
import { blocksOf } from '../../fuzz/blocks.js';
import type { Execution, Executor, GeneratorName, Input } from '../../fuzz/input.js';
import type { CellQueue, CellTask } from '../../matrix/queue.js';
import { readResult } from '../../store/run/run-folder.js';
import { LabError } from '../../util/errors.js';

export interface QueueExecutorOptions {
  queue: Pick<CellQueue, 'submit'>;
  /** Name of the hunt. */
  id: string;
  /** Folder that gets the runs. They are removed once they are read. */
  results: string;
}

/** Changes of bytes share the machine of their base up to its last rung; sequences of calls share a boot alone. */
const STARTS: Readonly<Record<GeneratorName, CellTask['start']>> = { bytes: 'warm', calls: 'booted' };

export class QueueExecutor implements Pick<Executor, 'execute'> {
  private count = 0;

  constructor(private readonly options: QueueExecutorOptions) {}

  async execute(input: Input, signal: AbortSignal): Promise<Execution> {
    const { queue, results } = this.options;
    signal.throwIfAborted();
    const attempt = await orAborted(queue.submit(this.taskOf(input)), signal);
    if (attempt.run === null) throw new LabError(attempt.title ?? 'a worker could not run an input');
    const folder = join(results, attempt.run);
    try {
      const { outcome, cause, incidents } = readResult(folder);
      const coverage = readCoverage(folder);
      const blocks = coverage === null ? null : blocksOf(coverage);
      return { ending: { outcome, cause, incidents }, blocks, rung: attempt.rung, ms: attempt.ms };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  private taskOf({ generator, text, scenario }: Input): CellTask {
    const { kernels, cmdlines, machine, expect } = scenario;
    // An input that runs again must not be answered by its first run.
    const id = `${generator}-${++this.count}`;
    return {
      matrix: this.options.id,
      cell: {
        id,
        scenario: `${generator}.yaml`,
        tags: [],
        kernels,
        repeat: 1,
        expected: { outcome: expect.outcome, endsIn: expect.endsIn, source: 'scenario' },
      },
      attempt: 1,
      text,
      cmdlines,
      guestState: null,
      timeout: null,
      memory: machine.memory,
      start: STARTS[generator],
      coverage: true,
      origin: 'here',
    };
  }
}

/** The queue settles its tasks when it closes, and the hunt may have to end before. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
