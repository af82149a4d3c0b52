// SPDX-License-Identifier: Apache-2.0
// The machine is paused for an inspection only if it has guests and runs, and it always goes on afterwards.
import { expect, it } from 'vitest';
import { whilePaused } from '../../../src/run/machine/pause.js';
import { fakeRecorder } from '../../fakes/parts.js';

const WORK_MS = 40;

/**
 * @param status the answer to query-status; an error where the machine is gone
 * @param failing commands that fail
 */
function paused({
  guests = 1,
  status = { running: true },
  failing = [],
  work = () => 'seen',
}: {
  guests?: number;
  status?: unknown;
  failing?: readonly string[];
  work?: () => string;
}) {
  let now = 0;
  const done: string[] = [];
  const machine = {
    command: async (name: string): Promise<unknown> => {
      done.push(name);
      // Time that a command takes is the host's, before the pause or after it.
      now += 1;
      if (failing.includes(name)) throw new Error(`${name} failed`);
      return name === 'query-status' ? status : {};
    },
  };
  const { recorder, events } = fakeRecorder(0, () => now);
  const state = { guests: { size: guests }, pausedMs: 5 };
  const result = whilePaused(machine, recorder, state, async () => {
    done.push('work');
    await Promise.resolve();
    now += WORK_MS;
    return work();
  });
  return { result, done, state, events };
}

it('pauses the machine around the work, and counts its time', async () => {
  const { result, done, state, events } = paused({});
  expect(await result).toBe('seen');
  expect(done).toEqual(['query-status', 'stop', 'work', 'cont']);
  expect(state.pausedMs).toBe(5 + WORK_MS);
  expect(events).toMatchObject([{ kind: 'still', ms: WORK_MS }]);
});

it.each([
  ['without guests', { guests: 0 }, ['work']],
  ['where something else has paused it', { status: { running: false } }, ['query-status', 'work']],
  ['where QEMU answers nonsense', { status: 'yes' }, ['query-status', 'work']],
  ['where it is gone', { failing: ['query-status'] }, ['query-status', 'work']],
] as const)('does the work and neither pauses nor resumes the machine %s', async (_, options, commands) => {
  const { result, done, state, events } = paused(options);
  expect(await result).toBe('seen');
  expect(done).toEqual(commands);
  expect(state.pausedMs).toBe(5);
  expect(events).toEqual([]);
});

it('lets the machine go on where the work fails, and reports that failure', async () => {
  const work = () => {
    throw new Error('the work failed');
  };
  const { result, done, state } = paused({ work });
  await expect(result).rejects.toThrow('the work failed');
  expect(done.at(-1)).toBe('cont');
  expect(state.pausedMs).toBe(5 + WORK_MS);
});

it('keeps the result of the work where the machine ended meanwhile', async () => {
  const { result, state } = paused({ failing: ['cont'] });
  expect(await result).toBe('seen');
  expect(state.pausedMs).toBe(5 + WORK_MS);
});

it('does not do the work where the machine cannot be paused', async () => {
  const { result, done } = paused({ failing: ['stop'] });
  await expect(result).rejects.toThrow('stop failed');
  expect(done).toEqual(['query-status', 'stop']);
});
