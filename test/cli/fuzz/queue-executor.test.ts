// SPDX-License-Identifier: Apache-2.0
// Inputs of a hunt as tasks of a queue: what a worker sends back is read and removed.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { QueueExecutor } from '../../../src/cli/fuzz/queue-executor.js';
import type { Input } from '../../../src/fuzz/input.js';
import { infraAttempt } from '../../../src/matrix/attempt.js';
import type { CellTask } from '../../../src/matrix/queue.js';
import type { Attempt } from '../../../src/model/result/matrix.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { resultOf } from '../../report/result.js';

let results: string;
beforeEach(() => {
  results = mkdtempSync(join(tmpdir(), 'hunt-queue-'));
});
afterEach(() => rmSync(results, { recursive: true, force: true }));

const TEXT = 'from: 7.3.4\nto: 7.3.4\nsessions: []\nexpect: leak\n';
const input = (generator: Input['generator']): Input => ({
  generator,
  text: TEXT,
  scenario: parseScenario(TEXT, 'x.yaml'),
  versionsValid: true,
});

/** Answers like a worker whose run reached one block of the second kernel. */
function worked(task: CellTask, more: Partial<Attempt> = {}): Attempt {
  const run = `run-of-${task.cell.id}`;
  mkdirSync(join(results, run));
  writeFileSync(join(results, run, 'result.json'), JSON.stringify(resultOf('leak')));
  const kernel = { name: '7.3.4', sha256: 'a'.repeat(64) };
  const epochs = [{ epoch: 1, kernel, blind: null, blocks: [[0x1000, 16]] }];
  writeFileSync(join(results, run, 'coverage.json'), JSON.stringify({ schema: 1, epochs }));
  return { ...infraAttempt(task, 'host:1', '', 1200), outcome: 'leak', run, rung: 'booted', ...more };
}

function executor(answer: (task: CellTask) => Promise<Attempt>): { tasks: CellTask[]; executor: QueueExecutor } {
  const tasks: CellTask[] = [];
  const queue = {
    submit: (task: CellTask) => {
      tasks.push(task);
      return answer(task);
    },
  };
  return { tasks, executor: new QueueExecutor({ queue, id: 'hunt-1', results }) };
}

const never = new AbortController().signal;

it('an input is a task, and its run is read and removed', async () => {
  const { tasks, executor: workers } = executor((task) => Promise.resolve(worked(task)));
  const { ending, blocks, rung, ms } = await workers.execute(input('calls'), never);
  expect(tasks[0]).toMatchObject({ matrix: 'hunt-1', text: TEXT, start: 'booted', coverage: true, origin: 'here' });
  expect([ending.outcome, rung, ms]).toEqual(['leak', 'booted', 1200]);
  expect(blocks).toEqual(new Map([[1, new Set([0x1000])]]));
  expect(readdirSync(results)).toEqual([]);
});

it('the same input twice is two tasks', async () => {
  const { tasks, executor: workers } = executor((task) => Promise.resolve(worked(task)));
  await workers.execute(input('bytes'), never);
  await workers.execute(input('bytes'), never);
  expect(new Set(tasks.map(({ cell }) => cell.id)).size).toBe(2);
  expect(tasks[0]?.start).toBe('warm');
});

it('a worker that could not run it is a failure of the lab', async () => {
  const { executor: workers } = executor((task) => Promise.resolve(infraAttempt(task, 'host:1', 'no machine')));
  await expect(workers.execute(input('calls'), never)).rejects.toThrow('no machine');
});

it('a hunt that ends does not wait for the queue', async () => {
  const stop = new AbortController();
  const { executor: workers } = executor(() => new Promise<Attempt>(() => undefined));
  const running = workers.execute(input('calls'), stop.signal);
  stop.abort(new Error('enough'));
  await expect(running).rejects.toThrow('enough');
});
