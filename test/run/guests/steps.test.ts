// SPDX-License-Identifier: Apache-2.0
// Requests of steps on guests, and what the answers change: the state of a guest, its problems, its downtime.
import { describe, expect, it } from 'vitest';
import type { GuestAction } from '../../../src/model/scenario/guest.js';
import type { Scenario, Step } from '../../../src/model/scenario/scenario.js';
import { LEFT_OUT, PASSED } from '../../../src/run/agent/reply.js';
import { Deadlines } from '../../../src/run/engine/deadlines.js';
import { guestStep } from '../../../src/run/guests/steps.js';
import { GuestState } from '../../../src/run/state/guest.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { guestFile, guestSpec } from '../../fakes/guests.js';
import { type Answer, fakeAgents, fakePlan, fakeRecorder } from '../../fakes/parts.js';

type Restore = Extract<GuestAction, { op: 'guest-restore' }>;

const RESTORE: Restore = { op: 'guest-restore', guest: 'g', ram: 'g.ram', state: 'g.state', skip: [], reads: null };

function rig(answer: Answer = () => ({}), steps: Step[] = [], policy: Scenario['policy'] = 'check') {
  const guest = new GuestState(guestSpec());
  guest.here = true;
  const state = new RunState();
  state.guests.set('g', guest);
  for (const kind of ['guest-ram', 'guest-state'] as const) {
    const file = guestFile(guest.spec, kind);
    state.files.set(file.name, file);
  }
  const scenario = parseScenario('from: a\nto: b\nsessions: [{name: s}]\n', 'x.yaml');
  Object.assign(scenario, { steps, policy });
  const { recorder, events } = fakeRecorder(0, () => 1000);
  const calls: [string, Record<string, unknown>][] = [];
  const agents = fakeAgents((op, args, options) => {
    calls.push([op, args]);
    return answer(op, args, options);
  });
  const parts = { agents, deadlines: new Deadlines(null), recorder, plan: fakePlan(scenario), state };
  const moments = () => events.flatMap((event) => (event.kind === 'guest' ? [[event.what, event.t]] : []));
  return { guest, state, calls, recorder, moments, step: (action: GuestAction) => guestStep(parts, action) };
}

const failing: Answer = () => ({ ok: false, errno: 'EINVAL', at: 'KVM_SET_SREGS' });

it('leaves out a step on a guest that does not exist', async () => {
  const { step, calls } = rig();
  expect(await step({ op: 'guest-run', guest: 'nobody' })).toEqual(LEFT_OUT);
  expect(calls).toEqual([]);
});

describe('guest-pause', () => {
  it('sends both requests at once, and takes the count of now, also where it is fewer', async () => {
    const answers: Answer = (op) =>
      op === 'guest-pause'
        ? { data: { first: { us: 5000 }, last: { us: 7000 } } }
        : { data: { ticks: 8, devices: [{ device: 'dev:e', done: 2 }] } };
    const { step, calls, guest, moments } = rig(answers);
    guest.ticks = 12;
    const done = step({ op: 'guest-pause', guest: 'g' });
    expect(calls.map(([op]) => op)).toEqual(['guest-pause', 'guest-stat']);
    expect(await done).toEqual(PASSED);
    expect(guest).toMatchObject({ paused: true, ticks: 8, devicesBefore: [{ device: 'e', done: 2 }] });
    expect(moments().map(([what]) => what)).toEqual(['pausing', 'paused']);
  });

  it('does not count as paused a guest that could not be paused', async () => {
    const { step, guest, moments } = rig(failing);
    expect(await step({ op: 'guest-pause', guest: 'g' })).toMatchObject({ ok: false, errno: 'EINVAL' });
    expect(guest).toMatchObject({ paused: false, now: { stat: null } });
    expect(moments()).toEqual([]);
  });

  it('reports no moment that the agent does not name', async () => {
    const { step, moments } = rig(() => ({ data: { first: { us: 'soon' }, last: null } }));
    expect(await step({ op: 'guest-pause', guest: 'g' })).toEqual(PASSED);
    expect(moments()).toEqual([]);
  });
});

describe('guest-save', () => {
  const next: Step = { ...RESTORE, reads: [2, 1], epoch: 1, errno: null, pos: { file: 'x.yaml', line: 1, column: 1 } };

  it.each<[string, number | null, Step[], Scenario['policy'], number]>([
    ['the version that the scenario asks for', 1, [next], 'check', 1],
    ['the newest version that the next agent reads', null, [next], 'check', 2],
    ['the newest version without the policy `check`', null, [next], 'force', 3],
    ['the newest version where only a later agent reads fewer', null, [{ ...next, epoch: 2 }], 'check', 3],
  ])('asks for %s', async (_, version, steps, policy, wanted) => {
    const { step, calls } = rig(undefined, steps, policy);
    await step({ op: 'guest-save', guest: 'g', version });
    expect(calls).toEqual([['guest-save', { guest: 'g', version: wanted }]]);
  });
});

describe('guest-restore', () => {
  it('names the files, and the parts and versions only where the scenario does', async () => {
    const { step, calls, guest } = rig(() => ({ data: { ticks: 40 } }));
    expect(await step(RESTORE)).toEqual(PASSED);
    await step({ ...RESTORE, skip: ['msrs', 'lapic'], reads: [1, 2] });
    const files = { guest: 'g', file: 'g.ram', state: 'g.state' };
    expect(calls).toEqual([
      ['guest-restore', files],
      ['guest-restore', { ...files, skip: 'msrs,lapic', reads: 2 }],
    ]);
    expect(guest).toMatchObject({ here: true, paused: true, restored: true, ticks: 40, problems: [] });
  });

  it('asks nothing where a file did not come back: the guest is lost', async () => {
    const { step, calls, guest, state } = rig();
    state.files.delete('g.state');
    expect(await step(RESTORE)).toEqual(LEFT_OUT);
    expect(calls).toEqual([]);
    expect(guest).toMatchObject({ restored: false, problems: [{ what: 'g.state did not come back', fate: 'lost' }] });
  });

  it('is lost where the agent cannot restore it', async () => {
    const { step, guest } = rig(failing);
    expect((await step(RESTORE)).errno).toBe('EINVAL');
    expect(guest.restored).toBe(false);
    expect(guest.problems).toEqual([{ what: 'it cannot be restored: EINVAL (KVM_SET_SREGS)', fate: 'lost' }]);
  });

  it('is corrupt where it came back in the memory of another guest', async () => {
    const { step, guest, state } = rig();
    state.files.set('g.ram', guestFile(guestSpec({ name: 'h' }), 'guest-ram'));
    expect(await step(RESTORE)).toEqual(PASSED);
    expect(guest.problems).toEqual([{ what: 'it was restored from h.ram of h', fate: 'corrupt' }]);
  });

  it('reports the MSRs that this kernel refuses, and blames nothing on them', async () => {
    const msrsRefused = Array.from({ length: 40 }, (_, n) => n);
    const { step, recorder } = rig(() => ({ data: { msrsRefusedCount: 40, msrsRefused } }));
    expect(await step(RESTORE)).toEqual(PASSED);
    expect(recorder.incidents).toMatchObject([
      {
        implies: null,
        title: 'this kernel refuses MSRs of a guest',
        detail: 'g: 40 MSRs: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15',
      },
    ]);
  });

  it('ignores counts that are none', async () => {
    const { step, guest, recorder } = rig(() => ({ data: { ticks: 1e300, msrsRefusedCount: '9', msrsRefused: {} } }));
    guest.ticks = 12;
    expect(await step(RESTORE)).toEqual(PASSED);
    expect(guest.ticks).toBe(12);
    expect(recorder.incidents).toEqual([]);
  });
});

describe('guest-resume', () => {
  it('takes the downtime from the agent', async () => {
    const { step, guest, moments } = rig(() => ({ data: { stoppedUs: 2500, at: { us: 9000 } } }));
    guest.paused = true;
    expect(await step({ op: 'guest-resume', guest: 'g' })).toEqual(PASSED);
    expect(guest).toMatchObject({ paused: false, resumed: true, downtimeMs: 2.5 });
    expect(moments()).toEqual([['resumed', 1000]]);
  });

  it.each([[undefined], ['2500'], [Infinity]])('knows no downtime from the answer %s', async (stoppedUs) => {
    const { step, guest } = rig(() => ({ data: { stoppedUs } }));
    expect(await step({ op: 'guest-resume', guest: 'g' })).toEqual(PASSED);
    expect(guest).toMatchObject({ resumed: true, downtimeMs: null });
  });

  it('leaves the guest paused where it fails', async () => {
    const { step, guest } = rig(failing);
    guest.paused = true;
    expect((await step({ op: 'guest-resume', guest: 'g' })).ok).toBe(false);
    expect(guest).toMatchObject({ paused: true, resumed: false });
  });
});

it('has the guest no longer once it was closed, but still has it where that failed', async () => {
  const kept = rig(failing);
  await kept.step({ op: 'guest-close', guest: 'g' });
  expect(kept.guest.here).toBe(true);
  const closed = rig();
  await closed.step({ op: 'guest-close', guest: 'g' });
  expect(closed.guest.here).toBe(false);
});
