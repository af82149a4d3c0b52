// SPDX-License-Identifier: Apache-2.0
// Whether the next agent can read the state that each guest will be saved in, asked while the guests still run.
import { expect, it } from 'vitest';
import type { AgentReply } from '../../../src/guest/agent.js';
import type { GuestSpec } from '../../../src/model/scenario/guest.js';
import type { Scenario } from '../../../src/model/scenario/scenario.js';
import { findGuestIncompatibilities } from '../../../src/run/guests/preflight.js';
import { GuestState } from '../../../src/run/state/guest.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { guestSpec } from '../../fakes/guests.js';
import { fakeAgents, fakePlan, fakeRecorder } from '../../fakes/parts.js';

/**
 * @param reads the versions that the next agent reads; null for all
 * @param version the version that the scenario asks for
 * @param needs the version that the guest reports
 */
async function found({
  reads,
  version = null,
  policy = 'check',
  answer = {},
  guest = {},
  epoch = 1,
}: {
  reads: number[] | null;
  version?: number | null;
  policy?: Scenario['policy'];
  answer?: Partial<AgentReply>;
  guest?: Partial<GuestSpec>;
  epoch?: number;
}) {
  const scenario = parseScenario('from: a\nto: b\nsessions: [{name: s}]\n', 'x.yaml');
  scenario.policy = policy;
  const common = { errno: null, pos: { file: 'x.yaml', line: 1, column: 1 } };
  const restore = { op: 'guest-restore', guest: 'g', ram: 'g.ram', state: 'g.state', skip: [], reads } as const;
  scenario.steps = [
    // A save in another kernel, which says nothing about this update.
    { ...common, op: 'guest-save', guest: 'g', version: 3, epoch: 1 },
    { ...common, op: 'guest-save', guest: 'g', version, epoch: 0 },
    { ...common, ...restore, skip: [], epoch },
    { ...common, ...restore, skip: [], guest: 'gone', reads: [1], epoch },
  ];
  const state = new RunState();
  state.guests.set('g', new GuestState(guestSpec(guest)));
  const { recorder, events } = fakeRecorder(0);
  const asked: string[] = [];
  const agents = fakeAgents((op) => {
    asked.push(op);
    return answer;
  });
  const mismatches = await findGuestIncompatibilities({ plan: fakePlan(scenario), recorder, state, agents });
  return { mismatches, asked, ok: events.map((event) => (event.kind === 'oracle' ? event.ok : null)) };
}

const versions = async (options: Parameters<typeof found>[0]) =>
  (await found(options)).mismatches.map(({ wrote, reads }) => ({ wrote, reads }));

it('finds no mismatch where the state can be written for the next agent', async () => {
  expect(await found({ reads: [2, 1], answer: { data: { needs: 1 } } })).toEqual({
    mismatches: [],
    asked: ['guest-stat'],
    ok: [true],
  });
});

it('believes the running guest, which may need a newer version than its specification', async () => {
  const { mismatches, ok } = await found({ reads: [2, 1], answer: { data: { needs: 3 } } });
  expect(mismatches).toEqual([
    {
      component: 'guest-state',
      wrote: 3,
      reads: [2, 1],
      endsIn: 'reboot',
      source: 'run',
      detail: 'g needs version 3: the next agent could not restore it',
    },
  ]);
  expect(ok).toEqual([false]);
});

it.each<[string, Partial<AgentReply>]>([
  ['fails', { ok: false, errno: 'EIO', data: { needs: 1 } }],
  ['does not say', { data: {} }],
  ['says nonsense', { data: { needs: 'none' } }],
])('derives the version from the specification where the agent %s', async (_, answer) => {
  expect(await versions({ reads: [1], answer, guest: { vcpus: 2 } })).toEqual([{ wrote: 2, reads: [1] }]);
});

it('takes the version that the scenario asks for, and the newest one without the policy `check`', async () => {
  const answer = { data: { needs: 1 } };
  expect(await versions({ reads: [2, 1], version: 3, answer })).toEqual([{ wrote: 3, reads: [2, 1] }]);
  expect(await versions({ reads: [2, 1], policy: 'force', answer })).toEqual([{ wrote: 3, reads: [2, 1] }]);
});

it('asks nothing where the next agent reads every version, or the restore belongs to a later update', async () => {
  expect(await found({ reads: null })).toEqual({ mismatches: [], asked: [], ok: [] });
  expect(await found({ reads: [1], epoch: 2 })).toEqual({ mismatches: [], asked: [], ok: [] });
});
