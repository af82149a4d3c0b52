// SPDX-License-Identifier: Apache-2.0
// The time that the lab waits for a guest: longer where many guests share the machine, and by the lab's own clock.
import { expect, it } from 'vitest';
import { Deadlines } from '../../../src/run/engine/deadlines.js';
import { guestStep } from '../../../src/run/guests/steps.js';
import { GuestState } from '../../../src/run/state/guest.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { fakeAgents, fakePlan, fakeRecorder } from '../../fakes/parts.js';

interface Asked {
  ms: number;
  deadline: number;
}

/** @param takes milliseconds by the lab's clock that each answer takes */
function wait({
  guests = 1,
  cpus = 2,
  boot = 0,
  kind = 'bare',
  takes,
  answer,
}: {
  guests?: number;
  cpus?: number;
  /** Milliseconds of the machine's first boot. */
  boot?: number;
  kind?: 'bare' | 'linux';
  takes: number;
  answer: (ms: number, n: number) => Record<string, unknown>;
}) {
  let now = 0;
  const asked: Asked[] = [];
  const deadlines = new Deadlines(null);
  deadlines.measured(boot);
  const agents = fakeAgents((_op, { ms }, options) => {
    const wanted = Number(ms);
    asked.push({ ms: wanted, deadline: (options?.waits ?? 0) + deadlines.request() });
    now += takes;
    return { data: { ticks: 3, ...answer(wanted, asked.length) } };
  });
  const scenario = parseScenario(
    `from: a\nto: b\nmachine: {cpus: ${cpus}}\nsessions: [{name: s, guests: [{name: g, size: 4MiB}]}]\n`,
    'x.yaml',
  );
  const create = scenario.steps.find((step) => step.op === 'guest-create');
  const state = new RunState();
  for (let n = 0; n < guests && create !== undefined; n++) {
    const guest = new GuestState({ ...create.spec, kind, name: `g${n}`, vcpus: 1 });
    guest.here = true;
    state.guests.set(`g${n}`, guest);
  }
  scenario.steps = [];
  const { recorder } = fakeRecorder(0, () => now);
  const parts = { agents, deadlines, recorder, plan: fakePlan(scenario), state };
  return { asked, done: guestStep(parts, { op: 'guest-wait', guest: 'g0', ticks: 1 }) };
}

it('has a deadline that is longer than the wait that it asks the agent for', async () => {
  const { asked, done } = wait({ takes: 10, answer: () => ({ reached: true }) });
  expect((await done).ok).toBe(true);
  expect(asked).toHaveLength(1);
  expect(asked[0]?.deadline).toBeGreaterThanOrEqual((asked[0]?.ms ?? 0) + 30_000);
});

it('gives guests that share processors more time', async () => {
  const one = wait({ takes: 10, answer: () => ({ reached: true }) });
  const six = wait({ guests: 6, takes: 10, answer: () => ({ reached: true }) });
  await Promise.all([one.done, six.done]);
  expect(six.asked[0]?.ms).toBe(3 * (one.asked[0]?.ms ?? 0));
});

it("asks a machine whose clock runs too fast again until the time is over by the lab's own clock", async () => {
  const { asked, done } = wait({ takes: 100, answer: (ms, n) => ({ reached: n === 20, waitedUs: ms * 1000 }) });
  expect((await done).ok).toBe(true);
  expect(asked).toHaveLength(20);
});

it('stops asking once the time is over', async () => {
  const { asked, done } = wait({ takes: 1000, answer: (ms) => ({ reached: false, waitedUs: ms * 1000 }) });
  expect(await done).toMatchObject({ ok: false, errno: 'ETIMEDOUT' });
  expect(asked.length).toBeLessThanOrEqual(6);
});

it('gives a Linux guest on a slow machine more time than one request may take', async () => {
  const late = (kind: 'bare' | 'linux') =>
    wait({ kind, boot: 100_000, takes: 599_000, answer: (ms, n) => ({ reached: n === 3, waitedUs: ms * 1000 }) });
  const linux = late('linux');
  expect((await linux.done).ok).toBe(true);
  expect(linux.asked.map(({ ms }) => ms)).toEqual([600_000, 600_000, 600_000]);
  expect((await late('bare').done).ok).toBe(false);
});

it('does not ask again for a dead guest', async () => {
  const { asked, done } = wait({ takes: 1, answer: () => ({ reached: false, waitedUs: 1000 }) });
  expect(await done).toMatchObject({ ok: false, errno: 'ETIMEDOUT' });
  expect(asked).toHaveLength(1);
});
