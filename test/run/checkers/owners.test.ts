// SPDX-License-Identifier: Apache-2.0
// PAGE_OWNER in a run on a fake machine: the evidence of a leak names who allocated the pages.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunRecord } from '../../../src/run/record/record.js';
import type { Script } from '../../fakes/machine.js';
import { image, runFake } from '../../fakes/run.js';
import { updatesOf } from '../../fakes/scenarios.js';

let dir: string;
let systemMap: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'lab-owners-'));
  systemMap = join(dir, 'System.map');
  const map = readFileSync(new URL('../../fakes/System.map', import.meta.url), 'utf8');
  writeFileSync(systemMap, `${map}ffffffff81000300 T __set_page_owner\n`);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const stack = (name: string) => ` post_alloc_hook+0x1/0x2\n __alloc_pages_noprof+0x1/0x2\n ${name}+0x1/0x2\n`;
const stacks = (pages: number) => ({
  ok: true,
  cut: false,
  stacks: `${stack('lab_bug_pages')}nr_base_pages: ${pages}\n\n`,
});
const record = (name: string) => `Page allocated via order 0, mask 0xcc0, pid 1, tgid 1 (a), ts 1 ns\n${stack(name)}`;

async function run(request: NonNullable<Script['request']>): Promise<RunRecord> {
  const kernels = ['a', 'b'].map((name) => ({ ...image(name), systemMap }));
  const { record: ended, error } = await runFake(updatesOf({ updates: 1 }), { request }, { plan: { kernels } });
  expect(error).toBeNull();
  return ended as RunRecord;
}

describe('the owners of leaked pages', () => {
  it('are told where memory is missing in the end', async () => {
    let asked = 0;
    const { verdict } = await run(({ kernel }, { op, epoch }) => {
      if (op === 'page-stacks') return { kind: 'answer', reply: stacks(asked++ === 0 ? 100 : 1000) };
      // Once it was asked on arrival, 900 pages go.
      if (op === 'zones' && epoch === 1 && asked > 0) {
        const { free, ...others } = kernel.zones as Record<string, unknown>;
        return { kind: 'answer', reply: { ...others, ok: true, free: Number(free) - 900 } };
      }
      return null;
    });
    expect(verdict).toMatchObject({ outcome: 'leak', cause: { title: 'memory is missing after all was closed' } });
    expect(verdict.cause?.detail).toContain('900 pages allocated since arrival by lab_bug_pages:');
  });

  it('are told where pages stay marked, by what the old kernel said of them', async () => {
    const { verdict, incidents } = await run(({ kernel }, { op, epoch, args }) => {
      if (op === 'page-owners' && epoch === 0) {
        const owners = (args['pfns'] ?? '').split(',').map(() => record('shmem_fault'));
        return { kind: 'answer', reply: { ok: true, owners } };
      }
      if (op !== 'retrieve' || epoch !== 1) return null;
      kernel.lose(args);
      return { kind: 'answer', reply: { ok: false, errno: 'ENOMEM', at: 'LIVEUPDATE_SESSION_RETRIEVE_FD' } };
    });
    expect(verdict.outcome).toBe('leak');
    expect(incidents.find(({ title }) => title === 'pages leaked')?.detail).toMatch(
      /^\d+ pages are neither .*\n\d+ pages allocated in the old kernel by shmem_fault:\n {2}post_alloc_hook\n/,
    );
  });

  it.each([
    { ok: false, errno: 'ENOENT', at: 'open' },
    { ok: true, cut: true, stacks: 'x' },
  ])('may be unknown: %j', async (reply) => {
    const { verdict } = await run((_, { op }) => (op === 'page-stacks' ? { kind: 'answer', reply } : null));
    expect(verdict.outcome).toBe('preserved');
  });

  it('cannot be told by a client that says nonsense', async () => {
    const { verdict } = await run((_, { op, epoch }) =>
      op === 'page-stacks' && epoch === 1 ? { kind: 'answer', reply: { ok: true, stacks: 7 } } : null,
    );
    // The client is gone before it has retrieved anything.
    expect(verdict.outcome).toBe('leak');
  });
});
