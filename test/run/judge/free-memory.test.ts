// SPDX-License-Identifier: Apache-2.0
// The kernel's own account of its memory, on arrival and after everything is closed.
import { describe, expect, it } from 'vitest';
import type { AgentReply } from '../../../src/guest/agent.js';
import { excessOf, growthOf, memoryOf, type Memory } from '../../../src/run/judge/closing/free-memory.js';
import { ClientGone } from '../../../src/util/errors.js';
import type { FakeMachine, Script } from '../../fakes/machine.js';
import { runFake } from '../../fakes/run.js';
import { updatesOf } from '../../fakes/scenarios.js';

const BEFORE: Memory = {
  managed: 10_000,
  free: 5000,
  freeOnCpus: 200,
  anonKb: 300,
  slabKb: 3000,
  slabUnreclaimableKb: 2000,
  kernelStackKb: 500,
  pageTablesKb: 100,
  vmallocKb: 900,
};
const FILES = 1;
const reply = (data: Record<string, unknown>): AgentReply => ({ id: 1, ok: true, errno: null, at: null, us: 0, data });
/** Files that a command writes stay in memory. */
const RUNS_A_COMMAND = `
chain: [a, b]
steps:
  - create: vm0
  - memfd: {name: ram, size: 16KiB}
  - preserve: {session: vm0, file: ram, token: 1}
  - kexec
  - retrieve: vm0
  - retrieve: {session: vm0, token: 1, as: ram}
  - check: ram
  - finish: vm0
  - exec: make-a-file
`;

describe('growth', () => {
  it('is zero where all memory that came back is free or counted', () => {
    const after = {
      ...BEFORE,
      managed: 12_000,
      free: 6000,
      freeOnCpus: 900,
      anonKb: 700,
      slabKb: 3400,
      kernelStackKb: 700,
      pageTablesKb: 300,
    };
    expect(growthOf(BEFORE, after)).toEqual({ pages: 0, slab: 0, vmalloc: 0 });
    expect(excessOf(growthOf(BEFORE, after), FILES)).toEqual([]);
  });

  it.each<[string, Partial<Memory>, RegExp]>([
    ['pages', { managed: 12_000 }, /^8000 KiB of pages/],
    ['slab', { slabUnreclaimableKb: 6096, slabKb: 7096, free: 3976 }, /^4096 KiB of slab/],
    ['vmalloc', { vmallocKb: 3000 }, /^2100 KiB of vmalloc/],
  ])('%s', (_, more, told) => {
    expect(excessOf(growthOf(BEFORE, { ...BEFORE, ...more }), FILES)).toEqual([expect.stringMatching(told)]);
  });

  it('is noise up to a limit, which rises with the number of files', () => {
    const growth = { pages: 0, slab: 1400, vmalloc: 0 };
    expect(excessOf(growth, 1)).toHaveLength(1);
    expect(excessOf(growth, 2000)).toEqual([]);
  });

  it('is unknown where a counter is missing or the kernel cannot be asked', () => {
    expect(memoryOf(reply(BEFORE))).toEqual(BEFORE);
    expect(memoryOf(reply({ ...BEFORE, vmallocKb: undefined }))).toBeNull();
    expect(memoryOf({ ...reply(BEFORE), ok: false })).toBeNull();
  });

  it.each([[{ free: -1 }], [{ slabKb: 'all' }], [{ managed: undefined }]])('is not believed with %j', (more) => {
    expect(() => memoryOf(reply({ ...BEFORE, ...more }))).toThrow(ClientGone);
  });
});

describe('a run', () => {
  async function run(script: Script, yaml = updatesOf({ updates: 1 })) {
    const { record, error, events } = await runFake(yaml, script);
    expect(error).toBeNull();
    const told = events.find(
      (event) => event.kind === 'oracle' && event.oracle === 'free memory once everything is closed',
    );
    return {
      outcome: record?.verdict.outcome,
      title: record?.verdict.cause?.title,
      pageState: record?.witnesses['page-state'],
      told,
    };
  }
  /** From the first close in the next kernel on, it reports other values. */
  const onceClosed = (memory: FakeMachine['kernel']['memory']): Script => ({
    request: ({ kernel }, { op, epoch, args }) => {
      if (op === 'close' && epoch === 1 && args['file'] !== undefined) kernel.memory = memory;
      return null;
    },
  });

  it('in which all memory comes back is preserved, and shows it in an event', async () => {
    expect(await run({})).toMatchObject({
      outcome: 'preserved',
      told: { ok: true, detail: 'since arrival: pages 0 KiB, slab 0 KiB, vmalloc 0 KiB' },
    });
  });

  it('in which slab does not come back is a leak', async () => {
    expect(await run(onceClosed({ slabUnreclaimableKb: 9000 }))).toMatchObject({
      outcome: 'leak',
      title: 'memory is missing after all was closed',
      told: { ok: false },
    });
  });

  it('in which the scenario itself uses memory is not judged by its growth', async () => {
    const exec = () => ({ status: 0, signal: null, stdout: '', stderr: '', cut: false });
    const { outcome, told } = await run({ ...onceClosed({ slabUnreclaimableKb: 9000 }), exec }, RUNS_A_COMMAND);
    expect([outcome, told]).toMatchObject([
      'preserved',
      { ok: true, detail: expect.stringContaining('not judged') as string },
    ]);
  });

  it('in which the kernel does not report its memory has a blind witness', async () => {
    const { outcome, pageState } = await run(onceClosed({ vmallocKb: undefined }));
    expect(outcome).toBe('infra');
    expect(pageState?.why).toBe('the kernel does not report what uses its memory after everything is closed');
  });
});
