// SPDX-License-Identifier: Apache-2.0
// Deadlines that follow the machine's progress and the time that the host gives it. The test has its own clock.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LabError, NoProgress } from '../../src/util/errors.js';
import { type Pulse, whileItMoves } from '../../src/util/pulse.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

const never = new Promise<never>(() => undefined);

function wait(pulse: Partial<Pulse>, ms = 1000) {
  let end: unknown = null;
  let at = 0;
  const began = performance.now();
  const known: Pulse = { lastMark: null, heldAtMark: 0, stopped: false, held: () => 0, processor: () => null };
  // Not spread, because its answers change during the wait.
  const whole: Pulse = Object.defineProperties(known, Object.getOwnPropertyDescriptors(pulse));
  whileItMoves(never, { ms, what: 'mark', pulse: whole }).catch((error: unknown) => {
    end = error;
    at = performance.now() - began;
  });
  return async (until: number) => {
    await vi.advanceTimersByTimeAsync(until);
    return { end, at };
  };
}

describe('a wait for the machine', () => {
  it("returns the value, the error, or the signal's reason", async () => {
    const pulse: Pulse = { lastMark: null, heldAtMark: 0, stopped: false, held: () => 0, processor: () => null };
    expect(await whileItMoves(Promise.resolve(5), { ms: 10, what: 'five', pulse })).toBe(5);
    await expect(whileItMoves(Promise.reject(new Error('no')), { ms: 10, what: 'five', pulse })).rejects.toThrow('no');
    const signal = AbortSignal.abort(new Error('the machine is gone'));
    await expect(whileItMoves(never, { ms: 10, what: 'five', pulse, signal })).rejects.toThrow('the machine is gone');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends without progress after its time, and tells what the host gave', async () => {
    let processor = 100;
    const run = wait({ processor: () => (processor += 50) });
    const { end, at } = await run(5000);
    expect(end).toBeInstanceOf(NoProgress);
    expect(end).toMatchObject({ what: 'mark', message: 'no mark within 1.0 s', times: { held: 0, processor: 50 } });
    expect(at).toBe(1000);
  });

  it('restarts with each sign of progress', async () => {
    const mark = performance.now() + 900;
    const { end, at } = await wait({
      get lastMark() {
        return performance.now() >= mark ? mark : null;
      },
    })(5000);
    expect(end).toMatchObject({ message: 'no mark within 1.0 s' });
    expect(at).toBe(1900);
  });

  it('ends even if the machine makes progress for ever', async () => {
    const { end, at } = await wait({
      get lastMark() {
        return performance.now();
      },
    })(60_000);
    expect(end).toBeInstanceOf(NoProgress);
    expect((end as Error).message).toContain('although the machine goes on');
    expect(at).toBe(4000);
  });

  it('does not count what the host took after the last progress, however late it is checked', async () => {
    const began = performance.now();
    // It makes progress for 100 ms, and then the host lets it run one millisecond in ten.
    const held = () => Math.max(0, performance.now() - began - 100) * 0.9;
    const { end, at } = await wait({
      get lastMark() {
        return performance.now() > began + 100 ? began + 100 : null;
      },
      heldAtMark: 0,
      held,
    })(20_000);
    expect(end).toBeInstanceOf(NoProgress);
    expect(at).toBeGreaterThan(9000);
  });

  it('does not count what the host took', async () => {
    const { end, at } = await wait({ held: () => performance.now() * 0.75 })(60_000);
    expect(end).toBeInstanceOf(NoProgress);
    expect(at).toBeGreaterThanOrEqual(3990);
    expect(at).toBeLessThan(4100);
    expect((end as NoProgress).times?.held).toBeGreaterThan(2900);
  });

  it("is the host's failure at once if QEMU is stopped", async () => {
    const { end, at } = await wait({ stopped: true, held: () => performance.now() })(60_000);
    expect(end).toBeInstanceOf(LabError);
    expect((end as Error).message).toContain('QEMU is stopped');
    expect(at).toBe(1000);
  });

  it("is the host's failure if the host takes everything", async () => {
    const { end } = await wait({ held: () => performance.now() })(120_000);
    expect(end).toBeInstanceOf(LabError);
    expect((end as Error).message).toContain('the host kept the machine waiting');
  });
});

it('a late timer proves nothing: pending output is read first', async () => {
  vi.useRealTimers();
  const answer = new Promise<number>((resolve) =>
    setTimeout(() => setImmediate(() => setImmediate(() => resolve(7))), 5),
  );
  const pending = whileItMoves(answer, {
    ms: 50,
    what: 'mark',
    pulse: { lastMark: null, heldAtMark: 0, stopped: false, held: () => 0, processor: () => null },
  });
  const until = performance.now() + 300;
  while (performance.now() < until); // the lab reads a machine's memory
  expect(await pending).toBe(7);
});
