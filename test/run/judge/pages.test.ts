// SPDX-License-Identifier: Apache-2.0
// The state of pages that came back, on a fake machine.
import { describe, expect, it } from 'vitest';
import type { FakeMachine, Script } from '../../fakes/machine.js';
import { runFake } from '../../fakes/run.js';
import { updatesOf } from '../../fakes/scenarios.js';

async function run(script: Script, more = '') {
  const { record, error, machine } = await runFake(updatesOf({ updates: 1, more }), script);
  expect(error).toBeNull();
  if (record === null) throw new Error('no record');
  const { verdict, witnesses } = record;
  return {
    outcome: verdict.outcome,
    title: verdict.cause?.title,
    detail: verdict.cause?.detail,
    pageState: witnesses['page-state'],
    machine,
  };
}

/** Changes the state of pages in the page cache of the kernel of epoch 1. */
function inCache(
  change: (machine: FakeMachine, inCache: FakeMachine['ram']['inCache']) => FakeMachine['ram']['inCache'],
): Script {
  return {
    booting: (machine, epoch) => {
      if (epoch === 1) machine.ram.inCache = change(machine, machine.ram.inCache.bind(machine.ram));
    },
  };
}

describe('pages that came back', () => {
  it('are checked, and become free after everything is closed', async () => {
    const { outcome, pageState } = await run({});
    expect(outcome).toBe('preserved');
    expect(pageState).toMatchObject({ looked: true, required: true });
    expect(pageState?.counted).toBeGreaterThan(0);
  });

  it('may not be free', async () => {
    const { outcome, detail } = await run(
      inCache(
        ({ ram }, as) =>
          (pfn, page, file) =>
            page === 1 ? ram.free(pfn) : as(pfn, page, file),
      ),
    );
    expect(outcome).toBe('corrupt');
    expect(detail).toMatch(/1 page is/);
  });

  it('make the witness blind where their structs make no sense, without blaming the kernel', async () => {
    const { outcome, title } = await run(inCache((_, as) => (pfn, page, file) => as(pfn, page + 1, file)));
    expect([outcome, title]).toEqual(['infra', 'the witness "page-state" was blind']);
  });

  it('must be free after everything is closed', async () => {
    const { outcome, title, detail } = await run({
      request: ({ kernel }, { op, args, epoch }) => {
        if (op !== 'close' || epoch !== 1 || args['file'] === undefined) return null;
        kernel.files.delete(args['file']);
        return { kind: 'answer', reply: { ok: true } };
      },
    });
    expect([outcome, title]).toEqual(['leak', 'pages never released']);
    expect(detail).toMatch(/: \d+ pages/);
  });
});
