// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { endingOf, MachineEnded } from '../../../src/run/machine/ending.js';
import { Deadlines } from '../../../src/run/engine/deadlines.js';

describe('what an event of QEMU says about the machine', () => {
  it.each<[string, unknown, string | null, string | null]>([
    ['GUEST_PANICKED', { action: 'pause' }, 'panic', 'panic'],
    ['SHUTDOWN', { guest: true, reason: 'guest-panic' }, 'panic', 'panic'],
    ['SHUTDOWN', { guest: true, reason: 'guest-reset' }, 'reset', 'reboot'],
    ['SHUTDOWN', { guest: false, reason: 'host-qmp-system-reset' }, 'reset', 'reboot'],
    ['SHUTDOWN', { guest: true, reason: 'subsystem-reset' }, 'reset', 'reboot'],
    ['SHUTDOWN', { guest: true, reason: 'guest-shutdown' }, 'shutdown', 'reboot'],
    ['SHUTDOWN', { guest: false, reason: 'host-signal' }, 'shutdown', 'reboot'],
    ['SHUTDOWN', { guest: false, reason: 'host-error' }, 'shutdown', 'reboot'],
    ['SHUTDOWN', { guest: false, reason: 'host-qmp-quit' }, null, null],
    ['SHUTDOWN', null, 'shutdown', 'reboot'],
    ['SHUTDOWN', { reason: { toString: 1 } }, 'shutdown', 'reboot'],
    ['RESET', { guest: true, reason: 'guest-reset' }, 'reset', 'reboot'],
    ['RESET', null, 'reset', 'reboot'],
    ['RESET', 'x', 'reset', 'reboot'],
    ['STOP', null, null, null],
    ['RESUME', {}, null, null],
    ['GUEST_CRASHLOADED', { action: 'run' }, null, null],
    ['', undefined, null, null],
  ])('%s %j: %s', (event, data, kind, implies) => {
    const ending = endingOf(event, data);
    expect(ending?.kind ?? null).toBe(kind);
    expect(ending?.implies ?? null).toBe(implies);
    if (ending !== null) expect(new MachineEnded(ending).message).toBe(ending.title);
  });
});

describe('deadlines', () => {
  const boot = (fixed: number | null, ...measured: number[]) => {
    const deadlines = new Deadlines(fixed);
    for (const ms of measured) deadlines.measured(ms);
    return deadlines.boot;
  };
  const request = (bytes: number, firstBoot?: number) => {
    const deadlines = new Deadlines(null);
    if (firstBoot !== undefined) deadlines.measured(firstBoot);
    return deadlines.request(bytes);
  };

  it('of the first boot bear a slow host, whatever the scenario says', () => {
    expect(boot(null)).toBeGreaterThanOrEqual(60_000);
    expect(boot(5000)).toBe(boot(null));
  });

  it('of later boots follow the first one, and it alone', () => {
    expect(boot(null, 20_000)).toBe(2 * boot(null, 10_000));
    expect(boot(null, 20_000)).toBeGreaterThan(2 * 20_000);
    expect(boot(null, 10_000, 1000)).toBe(boot(null, 10_000));
    expect(boot(null, 1)).toBeGreaterThanOrEqual(15_000);
  });

  it('follow the scenario, if it sets one: for later boots, and for requests, plus the time for large files', () => {
    expect(boot(5000, 10_000)).toBe(5000);
    const deadlines = new Deadlines(90_000);
    deadlines.measured(100);
    expect(deadlines.request()).toBe(90_000);
    expect(deadlines.request(2 ** 30) - deadlines.request()).toBe(request(2 ** 30) - request(0));
  });

  it('of a request grow with its memory and with a slow machine, within bounds', () => {
    expect(request(0)).toBeGreaterThanOrEqual(30_000);
    expect(request(0, 100)).toBe(request(0));
    expect(request(0, 6000)).toBe(4 * request(0));
    expect(request(0, 600_000)).toBeLessThanOrEqual(600_000);
    // No slower than 20 MiB/s.
    expect(request(2 ** 30) - request(0)).toBeGreaterThanOrEqual(50_000);
    expect(request(2 ** 30, 6000)).toBeCloseTo(4 * request(2 ** 30), 0);
  });
});
