// SPDX-License-Identifier: Apache-2.0
// Runs cells without machines: everything but the run itself is real, the folder in results/ included.
import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { attemptOf, infraAttempt } from '../../src/matrix/attempt.js';
import type { CellTask, RunCell } from '../../src/matrix/queue.js';
import { readCellOfRun } from '../../src/store/matrix/folder.js';
import { readResult, RunFolder } from '../../src/store/run/run-folder.js';
import { kernel, resultOf } from '../report/result.js';
import { cellOf } from '../store/matrix/matrix.js';

export interface FakeRun {
  /** Milliseconds that a run takes. */
  ms: number;
  /** It ends only when so many cells have begun. */
  begun?: number;
  /** `infra`: the lab fails at it; `preserved` else. */
  fails?: boolean;
  /** Bytes of its console. */
  console?: number;
  /** What the run says of itself instead of the truth. */
  lies?: { text?: string; kernels?: string[]; cell?: string };
}

export function taskOf(name: string, run: Partial<FakeRun> = {}, more: Partial<CellTask> = {}): CellTask {
  return {
    matrix: 'm1',
    cell: cellOf(name),
    attempt: 1,
    text: JSON.stringify({ ms: 5, ...run }),
    cmdlines: [],
    guestState: null,
    timeout: null,
    memory: 1 << 20,
    start: 'warm',
    coverage: false,
    origin: 'here',
    ...more,
  };
}

/** @param diary a line when a cell begins, one when its run is in results/ */
export function fakeRunner(results: string, worker: string, diary: string): RunCell {
  return async (task, signal, detail) => {
    const { ms, begun = 0, fails, console: size, lies = {} } = JSON.parse(task.text) as FakeRun;
    const note = (what: string) =>
      appendFileSync(diary, `${what} ${task.matrix}/${task.cell.id}/${task.attempt} ${worker}\n`);
    note('begins');
    detail('boots');
    const id = `${task.matrix}-${task.cell.id}-${task.attempt}-${worker.replace(/\W/g, '_')}-${process.pid}`;
    const cell = { matrix: task.matrix, cell: lies.cell ?? task.cell.id, attempt: task.attempt, worker };
    const folder = new RunFolder(results, id, cell);
    try {
      if (size !== undefined) folder.console(Buffer.alloc(size, 'console '));
      while (diaryOf(diary, 'begins').length < begun) await sleep(5, undefined, { signal });
      await sleep(ms, undefined, { signal });
      if (fails) {
        folder.discard();
        return infraAttempt(task, worker, 'the machine did not start');
      }
      const kernels = (lies.kernels ?? task.cell.kernels).map(kernel);
      const result = { ...resultOf('preserved', { kernels }), id };
      const attempt = attemptOf(
        { ...cell, cell: task.cell.id },
        result,
        folder.finish(result, lies.text ?? task.text),
        ms,
      );
      note('ended');
      return attempt;
    } catch (error) {
      folder.discard();
      signal.throwIfAborted();
      throw error;
    }
  };
}

/** Cells of the runs in a results folder, each checked to be whole. */
export function runsIn(results: string): string[] {
  return readdirSync(results)
    .map((name) => {
      if (name.startsWith('.')) return name;
      if (readResult(join(results, name)).id !== name) throw new Error(`${name} is another run`);
      return readCellOfRun(join(results, name))?.cell ?? "nobody's";
    })
    .sort();
}

/** What the diary says happened, as often as it did. */
export function diaryOf(path: string, what: 'begins' | 'ended'): string[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith(what))
    .map((line) => line.split('/')[1] ?? '')
    .sort();
}

/** Cells that were under way at the same time, at most. */
export function mostAtOnce(diary: string): number {
  let [now, most] = [0, 0];
  for (const line of readFileSync(diary, 'utf8').split('\n')) {
    if (line.startsWith('begins')) most = Math.max(most, ++now);
    if (line.startsWith('ended')) now--;
  }
  return most;
}
