// SPDX-License-Identifier: Apache-2.0
// Answers of the agent about a guest are read with care: the machine is hostile.
import { describe, expect, it } from 'vitest';
import { momentOf, statGuest } from '../../../src/run/guests/calls.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { fakeAgents, fakeRecorder } from '../../fakes/parts.js';

const parts = (data: Record<string, unknown>, now = 5000) => {
  const state = new RunState();
  state.pausedMs = 1000;
  return { agents: fakeAgents(() => ({ data })), recorder: fakeRecorder(1, () => now).recorder, state };
};

describe('guest-stat', () => {
  it('names every check that failed', async () => {
    const stat = await statGuest(
      parts({ state: 'running', ticks: 7, bad: 0, fpuBad: 2, tscBack: 1, exception: 14, jumped: 3, maxGapUs: 2500 }),
      'g',
    );
    expect(stat).toMatchObject({ state: 'running', ticks: 7, jumped: 3, maxGapMs: 2.5, clock: null, bootId: null });
    expect(stat?.failures.map(({ what, count }) => `${what}: ${count}`)).toEqual([
      'FPU or SSE registers were wrong: 2',
      'the TSC went backwards: 1',
      'it was ended by exception 13: 1',
    ]);
  });

  it('believes no count of a guest whose control page is gone', async () => {
    const stat = await statGuest(parts({ control: false, bad: 2 ** 60, exception: 77 }), 'g');
    expect(stat?.failures).toEqual([{ what: 'its control page is gone', count: 1 }]);
  });

  it("takes the clock at the last tick, in the machine's time", async () => {
    const stat = await statGuest(
      parts({ clock: { boot: 1, mono: 2_000_000, real: 3_000_000, tsc: 4 }, sinceTickUs: 500_000 }),
      'g',
    );
    expect(stat?.clock).toEqual({ mono: 2000, real: 3000, at: 3500 });
  });

  it('reads what the guest counted of its devices', async () => {
    const stat = await statGuest(
      parts({
        devices: [
          { device: 'dev:edu0', done: 7, wrong: 1, unended: 0, cut: 2, resets: 1, gone: -4, phase: 2 },
          null,
          'x',
          {},
          {},
        ],
      }),
      'g',
    );
    expect(stat?.devices).toHaveLength(4);
    expect(stat?.devices[0]).toEqual({ device: 'edu0', done: 7, wrong: 1, unended: 0, cut: 2, resets: 1, gone: 0 });
  });

  it('copes with wrong types and huge values', async () => {
    const stat = await statGuest(
      parts({
        state: 7,
        ticks: 'many',
        why: '\x1b[2J',
        bad: -1,
        failed: {},
        clock: [],
        console: 'x'.repeat(1e6),
        bootId: null,
        exception: null,
      }),
      'g',
    );
    expect(stat).toMatchObject({ state: '', ticks: 0, failures: [], clock: null });
    expect(stat?.why).not.toContain('\x1b');
    expect(stat?.console).toHaveLength(4096);
  });
});

it("converts a time of the agent to the run's clock by the fastest answer so far", () => {
  const one = parts({});
  // Answered 40 ms late, then 10 ms late.
  expect(momentOf(one, { us: 3_960_000, tsc: 1 })).toBe(5000);
  expect(momentOf(one, { us: 3_990_000, tsc: 1 })).toBe(5000);
  expect(momentOf(one, { us: 3_960_000, tsc: 1 })).toBe(4970);
  expect(momentOf(one, null)).toBeNull();
});
