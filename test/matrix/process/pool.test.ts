// SPDX-License-Identifier: Apache-2.0
// Cells in processes of their own: whatever ends one of them, the others do not notice.
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { CellPool } from '../../../src/matrix/process/pool.js';
import type { CellTask } from '../../../src/matrix/queue.js';
import { LabError } from '../../../src/util/errors.js';
import { programOf } from '../../util/program.js';
import { temporaryFolder, until } from '../../util/temporary.js';
import { diaryOf, runsIn, taskOf } from '../fake-runner.js';

const [NODE, CELL] = await programOf(join(import.meta.dirname, 'fake-cell.ts'));

function open() {
  const dir = temporaryFolder();
  const [results, diary] = [join(dir, 'results'), join(dir, 'diary')];
  mkdirSync(results);
  const logs: string[] = [];
  const pool = new CellPool({
    argv: [NODE, '--max-old-space-size=64', CELL, diary],
    accel: 'tcg',
    results,
    worker: 'here:1',
    trust: false,
    onCrash: ({ cell }, log) => logs.push(`${cell.id}: ${log}`),
  });
  onTestFinished(() => pool.close());
  const { signal } = new AbortController();
  return { pool, results, diary, logs, run: (task: CellTask) => pool.run(task, signal, () => undefined) };
}

const crashing = (how: string): CellTask => ({ ...taskOf(`crash-${how}`), text: JSON.stringify({ crash: how }) });

it.each<[how: string, title: RegExp]>([
  ['exit', /^the process of this run ended with 7/],
  ['kill', /^the process of this run was ended by SIGKILL/],
  ['memory', /^the process of this run was ended by SIG(ABRT|TRAP|KILL): .*(heap|memory)/i],
  ['throw', /^bug of the lab: x is not a function$/],
  ['later', /^the process of this run ended with 1: TypeError: nobody caught this$/],
  ['garbage', /^the process of this run was ended by SIGKILL: it gave an answer that is none$/],
  ['flood', /^the process of this run was ended by SIGKILL/],
])('a process that ends by %s costs its own cell, and the others go on', async (how, title) => {
  const { run, results, logs } = open();
  const [crashed, ...others] = await Promise.all([
    run(crashing(how)),
    ...['a', 'b'].map((name) => run(taskOf(name, { ms: 300 }))),
  ]);
  expect(crashed).toMatchObject({ outcome: 'infra', run: null, title: expect.stringMatching(title) });
  expect(others.map(({ outcome }) => outcome)).toEqual(['preserved', 'preserved']);
  expect(logs.length).toBe(how === 'throw' ? 0 : 1);
  // The next cell gets a process as well.
  expect(await run(taskOf('c'))).toMatchObject({ outcome: 'preserved' });
  expect(runsIn(results)).toEqual(['a-1', 'b-1', 'c-1']);
});

it('takes one process for one run after another', async () => {
  const { run } = open();
  const pids = new Set<string | undefined>();
  for (const name of ['a', 'b', 'c']) pids.add((await run(taskOf(name))).run?.split('-').at(-1));
  expect([...pids]).toEqual([expect.stringMatching(/^\d+$/)]);
});

it('a full disk ends the matrix, because no other cell could be kept', async () => {
  const { run } = open();
  const error = await run(crashing('full')).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(LabError);
  expect(error).toMatchObject({ message: 'the result cannot be written', cause: { code: 'ENOSPC' } });
});

it('ends within two seconds when it is stopped, even where a process is deaf, and leaves no half run', async () => {
  const { pool, results, diary } = open();
  const stop = new AbortController();
  let details = 0;
  const ends = [crashing('deaf'), taskOf('slow', { ms: 60_000 })].map((task) =>
    pool.run(task, stop.signal, () => details++).catch((error: unknown) => error),
  );
  await until('both run', () => details === 2 && diaryOf(diary, 'begins').length === 1);
  const at = performance.now();
  stop.abort(new Error('interrupted'));
  expect(await Promise.all(ends)).toEqual([stop.signal.reason, stop.signal.reason]);
  await Promise.all([pool.close(), pool.close()]);
  expect(performance.now() - at).toBeLessThan(4000);
  expect(readdirSync(results)).toEqual([]);
});

it('takes no more once it is closed', async () => {
  const { pool, run } = open();
  await pool.close();
  await expect(run(taskOf('late'))).rejects.toThrow('closed');
});
