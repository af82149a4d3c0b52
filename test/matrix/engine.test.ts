// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { capacity } from '../../src/host/capacity.js';
import { afterColdRun, coldSample } from '../../src/matrix/cold-sample.js';
import { driveMatrix, unfinished } from '../../src/matrix/engine.js';
import { HostSlots } from '../../src/host/slots.js';
import { MemoryGate } from '../../src/host/memory-gate.js';
import { orphans } from '../../src/matrix/runner.js';
import type { CellQueue, CellTask } from '../../src/matrix/queue.js';
import type { Attempt } from '../../src/model/result/matrix.js';
import { timeLeft } from '../../src/report/live/matrix.js';
import { tryLock } from '../../src/util/process/lock.js';
import { attemptOf, cellOf, matrixOf } from '../store/matrix/matrix.js';
import { temporaryFolder, until } from '../util/temporary.js';
import { fakeRunner, taskOf } from './fake-runner.js';

const cells = ['a', 'b', 'c'].map((name) => cellOf(name));

/** A queue that answers as `outcomes` says, one a submission of a cell; preserved after that. */
function drive(outcomes: Record<string, Attempt['outcome'][]>, more: Partial<Parameters<typeof driveMatrix>[0]> = {}) {
  const submitted: string[] = [];
  const kept: Attempt[] = [];
  const queue: CellQueue = {
    submit: async ({ cell, attempt }: CellTask) => {
      submitted.push(`${cell.id}/${attempt}`);
      return attemptOf(cell.id, { attempt, outcome: outcomes[cell.id]?.shift() ?? 'preserved' });
    },
    close: async () => undefined,
  };
  const done = driveMatrix({
    cells,
    attempts: [],
    retries: 2,
    coldToo: () => false,
    queue,
    folder: { append: (attempt) => void kept.push(attempt) },
    taskOf: (cell, attempt) => taskOf('x', {}, { cell, attempt }),
    onAttempt: () => undefined,
    onFailure: () => undefined,
    ...more,
  });
  return { submitted, kept, done };
}

describe('a matrix', () => {
  it('tries again only what the lab failed at, and only so often', async () => {
    const { submitted, kept, done } = drive({
      'a-1': ['panic'],
      'b-1': ['infra', 'lost'],
      'c-1': ['infra', 'infra', 'infra', 'infra'],
    });
    await done;
    expect(submitted.sort()).toEqual(['a-1/1', 'b-1/1', 'b-1/2', 'c-1/1', 'c-1/2', 'c-1/3']);
    expect(kept).toHaveLength(6);
  });

  it('goes on with what has no verdict, and counts attempts on', async () => {
    const attempts = [
      attemptOf('a-1', { outcome: 'panic' }),
      attemptOf('b-1', { outcome: 'infra' }),
      attemptOf('b-1', { outcome: 'infra', attempt: 2 }),
    ];
    expect(unfinished(cells, attempts).map(({ id }) => id)).toEqual(['b-1', 'c-1']);
    const { submitted, done } = drive({}, { attempts });
    await done;
    expect(submitted.sort()).toEqual(['b-1/3', 'c-1/1']);
  });

  it('runs a sample of what ran from snapshots again, cold', async () => {
    const starts: string[] = [];
    const { kept, done } = drive(
      {},
      {
        coldToo: ({ id }) => id !== 'c-1',
        queue: {
          submit: async ({ cell: { id }, attempt, start }: CellTask) => {
            starts.push(`${id}/${start}`);
            const outcome = `${id}/${start}` === 'b-1/cold' ? 'panic' : 'preserved';
            return attemptOf(id, { attempt, outcome, rung: start === 'warm' ? 'jump' : null });
          },
          close: async () => undefined,
        },
      },
    );
    await done;
    expect(starts.sort()).toEqual(['a-1/cold', 'a-1/warm', 'b-1/cold', 'b-1/warm', 'c-1/warm']);
    const of = (cell: string) => kept.filter((each) => each.cell === cell).map(({ outcome }) => outcome);
    expect(of('a-1')).toEqual(['preserved', 'preserved']);
    // The lab does not choose between two verdicts: the cell has none now.
    expect(of('b-1')).toEqual(['preserved', 'panic', 'infra']);
    expect(unfinished(cells, kept).map(({ id }) => id)).toEqual(['b-1']);
    expect(kept.find(({ outcome }) => outcome === 'infra')?.title).toContain('from a cold boot as panic');
  });

  it('takes another sample each night, of about the share that was asked for', () => {
    const many = Array.from({ length: 1000 }, (_, n) => cellOf(`s${n}`));
    const of = (id: string, share: number) =>
      many.filter((cell) => coldSample({ id }, share)(cell, { asExpected: true })).map(({ id: cell }) => cell);
    expect(of('night-1', 0.05).length).toBeGreaterThan(20);
    expect(of('night-1', 0.05).length).toBeLessThan(90);
    expect(of('night-1', 0.05)).toEqual(of('night-1', 0.05));
    expect(of('night-1', 0.05)).not.toEqual(of('night-2', 0.05));
    expect(of('night-1', 0)).toEqual([]);
    const unexpected = { asExpected: false };
    expect(many.every((cell) => coldSample({ id: 'night-1' }, 0.05)(cell, unexpected))).toBe(true);
    expect(many.some((cell) => coldSample({ id: 'night-1' }, 0)(cell, unexpected))).toBe(false);
    expect(of('night-1', 1)).toHaveLength(1000);
  });

  it('ends at once where an attempt cannot be kept, with that error', async () => {
    const failures: string[] = [];
    const { done, kept } = drive(
      {},
      {
        folder: {
          append: () => {
            throw new Error('the disk is full');
          },
        },
        onFailure: (error) => failures.push(error.message),
      },
    );
    await expect(done).rejects.toThrow('the disk is full');
    expect(failures).toEqual(['the disk is full']);
    expect(kept).toEqual([]);
  });

  it('takes up runs that were kept just before it was killed', async () => {
    const results = temporaryFolder();
    const run = fakeRunner(results, 'h:1', join(temporaryFolder(), 'diary'));
    const never = new AbortController().signal;
    const matrix = matrixOf(cells);
    const known = await run(taskOf('a', {}, { cell: cells[0] as never }), never, () => undefined);
    await run(taskOf('b', {}, { cell: cells[1] as never }), never, () => undefined);
    await run(taskOf('c', {}, { matrix: 'another' }), never, () => undefined);
    expect(orphans(results, matrix, [known])).toMatchObject([
      { cell: 'b-1', attempt: 1, outcome: 'preserved', worker: 'h:1' },
    ]);
  });

  it('knows the time that is left from its pace, by a clock that cannot jump', () => {
    expect(timeLeft(0, 0, 10)).toBeNull();
    expect(timeLeft(60_000, 10, 20)).toBe(120_000);
    expect(timeLeft(60_000, 10, 0)).toBe(0);
  });
});

describe('the machines of a host', () => {
  const limits = { jobs: null, memory: null, timeout: null };
  const host = { cores: 4, free: 10 * 2 ** 30 };

  it('are as many as cores, plan and wish allow, never more', () => {
    expect(capacity(null, limits, host)).toEqual({ jobs: 4, memory: 9 * 2 ** 30, note: null });
    expect(capacity(2, limits, host)).toMatchObject({ jobs: 2, note: null });
    expect(capacity(9, limits, host)).toMatchObject({
      jobs: 4,
      note: expect.stringContaining('this host has 4 cores: 4'),
    });
    expect(capacity(3, { ...limits, jobs: 2, memory: 2 ** 30 }, host)).toMatchObject({
      jobs: 2,
      memory: 2 ** 30,
      note: expect.stringContaining('plan allows fewer'),
    });
    expect(capacity(null, { ...limits, jobs: 8 }, host)).toMatchObject({ jobs: 4 });
  });

  it('are let in in order while their memory fits', async () => {
    const gate = new MemoryGate(10);
    const { signal } = new AbortController();
    const order: string[] = [];
    const enter = (name: string, bytes: number, until = signal) =>
      gate.enter(bytes, until).then((leave) => (order.push(name), leave));
    const first = await enter('six', 6);
    const stop = new AbortController();
    const large = enter('ten', 10, stop.signal);
    const small = enter('two', 2);
    await Promise.resolve();
    // The small one would fit, and waits all the same.
    expect(order).toEqual(['six']);
    stop.abort(new Error('stopped'));
    await expect(large).rejects.toThrow('stopped');
    const leaveSmall = await small;
    expect(order).toEqual(['six', 'two']);
    first();
    first();
    leaveSmall();
    (await enter('ten', 10))();
    expect(gate.excludes(11)).toBe(true);
  });

  it('run under as many locks as it has cores, over all processes', async () => {
    const dir = temporaryFolder();
    let waits = 0;
    const { signal } = new AbortController();
    const slots = new HostSlots(dir, 2, () => waits++);
    const [one, two] = [await slots.acquire(signal), await slots.acquire(signal)];
    expect(await tryLock(join(dir, 'machine-0'))).toBeNull();
    const stop = new AbortController();
    const third = slots.acquire(stop.signal);
    await until('the third waits', () => waits === 1);
    stop.abort(new Error('no more'));
    await expect(third).rejects.toThrow('no more');
    one.release();
    (await slots.acquire(signal)).release();
    two.release();
  });
});

describe('a cell that ran from a snapshot and then cold', () => {
  const warm = attemptOf('a-1', { rung: 'jump', run: 'warm' });
  const cold = (outcome: 'preserved' | 'infra' | 'leak') =>
    attemptOf('a-1', { attempt: 2, run: 'cold', outcome, endsIn: outcome === 'leak' ? 'leak' : 'none' });
  const last = (outcome: 'preserved' | 'infra' | 'leak') => afterColdRun(warm, cold(outcome)).at(-1);

  it('keeps its outcome if both end the same', () => {
    expect(afterColdRun(warm, cold('preserved'))).toEqual([cold('preserved')]);
  });

  it('has no outcome if they differ', () => {
    expect(last('leak')).toMatchObject({ attempt: 3, outcome: 'infra', asExpected: false });
    expect(last('leak')?.title).toContain('warm and cold');
  });

  it('keeps the first outcome if the lab failed at the cold run', () => {
    expect(last('infra')).toMatchObject({ attempt: 3, outcome: 'preserved', run: 'warm' });
  });
});
