// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deferred, within, type Whose } from '../../src/util/deadline.js';
import { CommandTimeout, HostTimeout, LabError, NoProgress } from '../../src/util/errors.js';

const never = new Promise<never>(() => undefined);

describe('waiting with a deadline', () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => void unhandled.push(reason);
  beforeEach(() => void process.on('unhandledRejection', note));
  afterEach(async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    process.off('unhandledRejection', note);
    expect(unhandled.splice(0)).toEqual([]);
  });

  it('returns the value or the error', async () => {
    expect(await within(Promise.resolve(5), { ms: 1000, what: 'five', whose: 'host' })).toBe(5);
    await expect(within(Promise.reject(new Error('no')), { ms: 1000, what: 'five', whose: 'host' })).rejects.toThrow(
      'no',
    );
  });

  it.each<[Whose, new (...args: never[]) => Error]>([
    ['host', HostTimeout],
    ['machine', NoProgress],
    ['command', CommandTimeout],
  ])('of the %s says what did not come', async (whose, type) => {
    const error = await within(never, { ms: 20, what: 'mark', whose }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(type);
    expect(error).toMatchObject({ message: 'no mark within 0.0 s' });
    // Only what belongs to the host is the lab's own failure.
    expect(error instanceof LabError).toBe(whose === 'host');
  });

  it('ends at once on abort, with its reason', async () => {
    const controller = new AbortController();
    const wait = within(never, { ms: 60_000, what: 'mark', whose: 'host', signal: controller.signal });
    controller.abort(new Error('the machine is gone'));
    await expect(wait).rejects.toThrow('the machine is gone');
    await expect(within(never, { ms: 60_000, what: 'mark', whose: 'host', signal: controller.signal })).rejects.toThrow(
      'the machine is gone',
    );
  });

  it('ignores the signal afterwards', async () => {
    const controller = new AbortController();
    await within(Promise.resolve(), { ms: 1000, what: 'mark', whose: 'host', signal: controller.signal });
    controller.abort(new Error('late'));
  });

  it.each<[string, AbortSignal | undefined, number]>([
    ['after the deadline', undefined, 1],
    ['after the signal came', AbortSignal.abort(new Error('gone')), 1000],
  ])("a rejection %s is nobody's", async (_, signal, ms) => {
    const late = new Promise<never>((_resolve, reject) => setTimeout(() => reject(new Error('late')), 10));
    await expect(within(late, { ms: ms, what: 'mark', whose: 'host', signal: signal })).rejects.toThrow(
      signal === undefined ? 'no mark' : 'gone',
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
  });

  it('a deferred promise may be rejected without a listener, and settles once', async () => {
    const value = deferred<number>();
    value.reject(new Error('first'));
    value.resolve(1);
    await expect(value.promise).rejects.toThrow('first');
    deferred<number>().reject(new Error('nobody waits'));
  });
});
