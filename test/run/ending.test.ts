// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { endingOf, MachineEnded } from '../../src/run/ending.js';
import { Deadlines } from '../../src/run/deadlines.js';

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
  it.each<[string, number | null, number | null, number]>([
    ['before anything was measured', null, null, 60_000],
    ['before anything was measured, whatever the scenario says', 5000, null, 60_000],
    ['after a quick boot', null, 1000, 30_000],
    ['after a slow boot', null, 10_000, 80_000],
    ['as the scenario has it', 5000, 10_000, 5000],
  ])('of a boot, %s', (_, fixed, first, ms) => {
    const deadlines = new Deadlines(fixed);
    if (first !== null) deadlines.measured(first);
    expect(deadlines.boot).toBe(ms);
  });

  it('only the first boot counts', () => {
    const deadlines = new Deadlines(null);
    deadlines.measured(10_000);
    deadlines.measured(1000);
    expect(deadlines.boot).toBe(80_000);
  });

  it.each<[string, number | null, number, number]>([
    ['a small request', null, 0, 30_000],
    ['a quick machine gets no less', 100, 0, 30_000],
    ['a machine four times as slow', 6000, 0, 120_000],
    ['a machine that stands', 600_000, 0, 300_000],
    ['1 GiB', null, 2 ** 30, 30_000 + 51_200],
    ['1 GiB on a machine four times as slow', 6000, 2 ** 30, 4 * (30_000 + 51_200)],
  ])('%s', (_, first, bytes, ms) => {
    const deadlines = new Deadlines(null);
    if (first !== null) deadlines.measured(first);
    expect(deadlines.request(bytes)).toBeCloseTo(ms, 0);
  });
});
