// SPDX-License-Identifier: Apache-2.0
// How long a guest is waited for: longer where many share the machine, and by the lab's own clock.
import { expect, it } from 'vitest';
import type { AgentReply } from '../../../src/guest/agent.js';
import type { RunContext } from '../../../src/run/engine/context.js';
import { Deadlines } from '../../../src/run/engine/deadlines.js';
import { guestStep } from '../../../src/run/guests/steps.js';

interface Asked {
  ms: number;
  deadline: number;
}

/** @param takes milliseconds by the lab's clock that each answer takes */
function wait({
  guests = 1,
  cpus = 2,
  takes,
  answer,
}: {
  guests?: number;
  cpus?: number;
  takes: number;
  answer: (ms: number, n: number) => Record<string, unknown>;
}) {
  let now = 0;
  const asked: Asked[] = [];
  const request = (_op: string, { ms }: { ms: number }, deadline: number): Promise<AgentReply> => {
    asked.push({ ms, deadline });
    now += takes;
    return Promise.resolve({
      id: 1,
      ok: true,
      errno: null,
      at: null,
      us: 0,
      data: { ticks: 3, ...answer(ms, asked.length) },
    });
  };
  const guest = (name: string) =>
    [name, { spec: { name, kind: 'bare', vcpus: 1 }, here: true, paused: false, ticks: 0 }] as const;
  const context = {
    agent: { request },
    deadlines: new Deadlines(null),
    machine: { ended: undefined },
    recorder: { clock: { now: () => now }, epoch: 0 },
    plan: { scenario: { steps: [], machine: { cpus } } },
    state: { stillMs: 0, guests: new Map(Array.from({ length: guests }, (_, n) => guest(`g${n}`))) },
  } as unknown as RunContext;
  return { asked, done: guestStep(context, { op: 'guest-wait', guest: 'g0', ticks: 1 }) };
}

it('the deadline is longer than what the agent was asked to wait', async () => {
  const { asked, done } = wait({ takes: 10, answer: () => ({ reached: true }) });
  expect((await done).ok).toBe(true);
  expect(asked).toHaveLength(1);
  expect(asked[0]?.deadline).toBeGreaterThanOrEqual((asked[0]?.ms ?? 0) + 30_000);
});

it('guests that share processors are given more time', async () => {
  const one = wait({ takes: 10, answer: () => ({ reached: true }) });
  const six = wait({ guests: 6, takes: 10, answer: () => ({ reached: true }) });
  await Promise.all([one.done, six.done]);
  expect(six.asked[0]?.ms).toBe(3 * (one.asked[0]?.ms ?? 0));
});

it("a machine whose clock runs too fast is asked again until the lab's own says so", async () => {
  const { asked, done } = wait({ takes: 100, answer: (ms, n) => ({ reached: n === 20, waitedUs: ms * 1000 }) });
  expect((await done).ok).toBe(true);
  expect(asked).toHaveLength(20);
});

it('and not for ever', async () => {
  const { asked, done } = wait({ takes: 1000, answer: (ms) => ({ reached: false, waitedUs: ms * 1000 }) });
  expect(await done).toMatchObject({ ok: false, errno: 'ETIMEDOUT' });
  expect(asked.length).toBeLessThanOrEqual(6);
});

it('a guest that is dead is not waited for again', async () => {
  const { asked, done } = wait({ takes: 1, answer: () => ({ reached: false, waitedUs: 1000 }) });
  expect(await done).toMatchObject({ ok: false, errno: 'ETIMEDOUT' });
  expect(asked).toHaveLength(1);
});
