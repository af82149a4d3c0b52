// SPDX-License-Identifier: Apache-2.0
// A guest that does not go on after an update, and had stopped before it: the next kernel is not to blame.
import { expect, it } from 'vitest';
import type { GuestSpec } from '../../../src/model/scenario/guest.js';
import { Deadlines } from '../../../src/run/engine/deadlines.js';
import { GuestState } from '../../../src/run/state/guest.js';
import { guestStep } from '../../../src/run/guests/steps.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { fakeAgents, fakePlan, fakeRecorder } from '../../fakes/parts.js';

/**
 * @param between milliseconds from its last tick in the old kernel to its pause
 * @param ticks its count of ticks by then
 */
async function problemAfter({ between, ticks }: { between: number; ticks: number }): Promise<string | undefined> {
  let now = 0;
  let seen = 3;
  let reached = true;
  const agents = fakeAgents(() => {
    now += 1;
    return { data: { ticks: seen, reached } };
  });
  const guest = new GuestState({
    name: 'g',
    kind: 'linux',
    vcpus: 1,
    devices: [] as GuestSpec['devices'],
  } as GuestSpec);
  guest.here = true;
  const scenario = parseScenario('from: a\nto: b\nmachine: {cpus: 2}\nsessions: [{name: s}]\n', 'x.yaml');
  scenario.steps = [];
  const state = new RunState();
  state.guests.set('g', guest);
  const { recorder } = fakeRecorder(0, () => now);
  const parts = { agents, deadlines: new Deadlines(null), recorder, plan: fakePlan(scenario), state };
  await guestStep(parts, { op: 'guest-wait', guest: 'g', ticks: 3 });
  now += between;
  seen = ticks;
  await guestStep(parts, { op: 'guest-pause', guest: 'g' });
  guest.jumped();
  guest.here = true;
  reached = false;
  now += 60_000;
  await guestStep(parts, { op: 'guest-check', guest: 'g' });
  return guest.problems[0]?.what;
}

it('says that it had stopped in the kernel before, and for how long', async () => {
  expect(await problemAfter({ between: 4_800, ticks: 3 })).toBe(
    'it does not go on after tick 3; it had stopped in the kernel before, which paused it after 4.8 s without a tick',
  );
});

it('does not mention the kernel before where the guest ticked until its pause', async () => {
  expect(await problemAfter({ between: 4_800, ticks: 50 })).toBe('it does not go on after tick 50');
  expect(await problemAfter({ between: 300, ticks: 3 })).toBe('it does not go on after tick 3');
});
