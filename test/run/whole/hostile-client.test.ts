// SPDX-License-Identifier: Apache-2.0
// The client in the machine dies, stops or talks nonsense at each request of two updates: that is evidence about the
// machine, never a failure of the lab, and never a run that went well.
import { expect, it } from 'vitest';
import type { Reaction, Request } from '../../fakes/agent.js';
import { BROKEN, NONSENSE } from '../../fakes/lies.js';
import type { FakeMachine } from '../../fakes/machine.js';
import { runFake } from '../../fakes/run.js';
import { TWO_UPDATES } from '../../fakes/scenarios.js';

const asked: Request[] = [];
const clean = await runFake(TWO_UPDATES, {
  request: (_, request) => {
    asked.push(request);
    return null;
  },
});
const REQUESTS = asked.length;
const HOUR = 3_600_000;

async function endsBadly(at: number, act: (machine: FakeMachine, request: Request) => Reaction): Promise<void> {
  let struck: Request | null = null;
  const { record, error, leftOpen, ms } = await runFake(TWO_UPDATES, {
    request: (machine, request) => {
      if (request.index !== at) return null;
      struck = request;
      return act(machine, request);
    },
  });
  const where = `request ${at}, ${JSON.stringify(struck)}`;
  expect(error, where).toBeNull();
  expect(['infra', 'preserved', 'refused'], `${where}: ${record?.verdict.cause?.title}`).not.toContain(
    record?.verdict.outcome,
  );
  expect(leftOpen, where).toEqual([]);
  expect(ms, where).toBeLessThan(HOUR);
  const epochs = record?.updates.map(({ epoch }) => epoch) ?? [];
  expect(new Set(epochs).size, where).toBe(epochs.length);
}

/** A first kernel that cannot be talked to has shown nothing yet. */
const each = [...Array(REQUESTS).keys()].slice(1);
/** Requests of which the lab needs more than that they worked. */
const needed = asked.filter(({ op }) => ['stat', 'verify', 'pfns', 'zones'].includes(op)).map(({ index }) => index);

it('is asked often enough for the rest to mean something', () => {
  expect(clean.record?.verdict.outcome).toBe('preserved');
  expect(REQUESTS).toBeGreaterThan(30);
  expect(needed.length).toBeGreaterThan(15);
});

it('dies', async () => {
  for (const at of each) await endsBadly(at, () => ({ kind: 'die' }));
});

it('stands still with its machine', async () => {
  for (const at of each)
    await endsBadly(at, (machine) => {
      machine.stand();
      return { kind: 'silent' };
    });
});

it.each(BROKEN)('says $name', async ({ tell }) => {
  for (const at of each) await endsBadly(at, (machine, request) => tell(machine.honest(request), request));
});

it.each(NONSENSE)('answers with $name', async ({ tell }) => {
  for (const at of needed) await endsBadly(at, (machine, request) => tell(machine.honest(request), request));
});

it('answers no more but with an errno: who cannot see says so', async () => {
  for (const at of needed) {
    const { op } = asked[at] as Request;
    const { record } = await runFake(TWO_UPDATES, {
      request: (_, request) =>
        request.op === op && request.index >= at
          ? { kind: 'answer', reply: { ok: false, errno: 'E\x1b[31mNONSENSE', at: 7 } }
          : null,
    });
    expect(['preserved', 'refused'], `${op} from request ${at} on`).not.toContain(record?.verdict.outcome);
    if (record?.verdict.outcome === 'infra')
      expect(record.verdict.cause?.title).toMatch(/^the witness "[\w-]+" was blind$/);
  }
});

it('answers with 64 MiB', async () => {
  const line = Buffer.alloc(64 << 20, '[0,1,1],');
  for (const at of needed.filter((_, i) => i % 8 === 0)) await endsBadly(at, () => ({ kind: 'say', bytes: line }));
});

it('tells of progress for ever', async () => {
  for (const at of [each[3] ?? 0, needed[5] ?? 0, each.at(-1) ?? 0])
    await endsBadly(at, (machine, { id }) => {
      let done = 0;
      const more = (): void => {
        machine.whisper(`{"id":${id},"progress":${++done}}\n`);
        machine.later(1000, more);
      };
      more();
      return { kind: 'silent' };
    });
});
