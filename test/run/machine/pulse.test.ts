// SPDX-License-Identifier: Apache-2.0
// What counts as a sign of life, and what the host is asked about it.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { HostTimes } from '../../../src/qemu/host-time.js';
import { MachinePulse } from '../../../src/run/machine/pulse.js';

let pulse: MachinePulse;
afterEach(() => {
  pulse.end();
  vi.useRealTimers();
});

describe('the console', () => {
  const marks = (...texts: string[]): number => {
    pulse = new MachinePulse(() => null);
    let count = 0;
    let { lastMark } = pulse;
    for (const text of texts) {
      const before = lastMark;
      pulse.lastMark = null;
      pulse.console(Buffer.from(text, 'latin1'));
      if (pulse.lastMark !== null) count++;
      lastMark = pulse.lastMark ?? before;
    }
    return count;
  };

  it.each<[string, string[], number]>([
    ["lines of the kernel's log", ['[    0.100000] a\n', '[    0.200000] b\n'], 2],
    ['a line in pieces', ['[    1.2', '00000] a\n'], 1],
    ['user space that prints', ['hello\n', 'Linux\n'], 0],
    ['a time that stands still', ['[    5.000000] a\n', '[    5.000000] a\n', '[    4.000000] a\n'], 1],
    ['a time in the middle of a line', ['x [    5.000000] a\n'], 0],
    ['the next kernel, whose time begins again', ['[    9.000000] a\n', '[    0.000000] b\n', '[    0.000001] c\n'], 3],
    [
      'a kernel that does not get on',
      ['[    5.000000] watchdog: BUG: soft lockup - CPU#0 stuck for 26s!\n', '[   35.000000] x\n'],
      0,
    ],
    [
      'a task that does not get on',
      ['[    5.000000] INFO: task luo:12 blocked for more than 122 seconds.\n', '[   35.000000] x\n'],
      0,
    ],
    [
      'a kernel after one that did not get on',
      ['[    5.000000] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\n', '[    0.000000] Linux\n'],
      1,
    ],
  ])('%s', (_, texts, count) => expect(marks(...texts)).toBe(count));
});

describe('the host', () => {
  let times: HostTimes | null;
  let blocked = 0;
  const threads = (...each: [name: string, ran: number, waited: number][]) =>
    new Map(each.map(([name, ran, waited]) => [name, { ran, waited }]));
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));

  const begin = (first: HostTimes | null) => {
    times = first;
    pulse = new MachinePulse(
      () => times,
      () => blocked,
    );
  };
  const after = (ms: number) => vi.advanceTimersByTime(ms);

  it('says how long the machine ran, and how long its slowest thread had to wait', () => {
    begin({ threads: threads(['1', 100, 50], ['2', 10, 0]), stopped: false });
    times = { threads: threads(['1', 150, 350], ['2', 20, 200]), stopped: false };
    after(1000);
    expect(pulse.processor()).toBe(60);
    expect(pulse.held()).toBe(300);
  });

  it('cannot have kept it waiting for longer than it took', () => {
    begin({ threads: threads(['1', 0, 0]), stopped: false });
    times = { threads: threads(['1', 0, 90_000]), stopped: false };
    after(1000);
    expect(pulse.held()).toBeLessThanOrEqual(1000);
  });

  it('does not count time in which the loop of the lab itself was blocked, with or without figures of the host', () => {
    for (const first of [{ threads: threads(['1', 0, 0]), stopped: false }, null]) {
      begin(first);
      blocked += 400;
      after(1000);
      expect(pulse.held()).toBe(400);
      // Each block counts once, and not more than the time that has passed.
      after(1000);
      expect(pulse.held()).toBe(400);
      blocked += 9000;
      after(1000);
      expect(pulse.held()).toBeLessThanOrEqual(1400);
      pulse.end();
    }
  });

  it('that has stopped it keeps it waiting', () => {
    begin({ threads: threads(['1', 0, 0]), stopped: true });
    after(2000);
    expect(pulse.held()).toBe(2000);
  });

  it('that stopped the lab as well kept both waiting', () => {
    let now = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
    begin({ threads: threads(['1', 0, 0]), stopped: false });
    // No timer of the lab ran meanwhile: a laptop was closed, a container was paused.
    now = 600_000;
    expect(pulse.held()).toBeGreaterThan(599_000);
    now += 400;
    expect(pulse.held()).toBeLessThan(600_000);
    clock.mockRestore();
  });

  it('while the lab holds it, too', () => {
    begin({ threads: threads(['1', 0, 0]), stopped: false });
    pulse.pause(true);
    after(1500);
    pulse.pause(false);
    after(1500);
    expect(pulse.held()).toBe(1500);
  });

  it('that tells nothing takes nothing', () => {
    begin(null);
    after(1000);
    expect([pulse.held(), pulse.processor()]).toEqual([0, null]);
  });
});
