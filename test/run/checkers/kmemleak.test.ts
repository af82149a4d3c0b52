// SPDX-License-Identifier: Apache-2.0
// The witness `kmemleak` in a run on a fake machine whose kernels have that checker, or do not.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunRecord } from '../../../src/run/record/record.js';
import type { Script } from '../../fakes/machine.js';
import { image, runFake } from '../../fakes/run.js';
import { updatesOf } from '../../fakes/scenarios.js';

const LEAK = `unreferenced object 0xffff888003a1b000 (size 96):
  comm "agent", pid 61, jiffies 4294895212
  backtrace (crc 0):
    __kmalloc_cache_noprof+0x20c/0x2e0
    luo_session_finish+0x6a/0x120
`;
let dir: string;
let systemMap: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'lab-kmemleak-'));
  systemMap = join(dir, 'System.map');
  const map = readFileSync(new URL('../../fakes/System.map', import.meta.url), 'utf8');
  writeFileSync(systemMap, `${map}ffffffff81000300 T kmemleak_alloc\n`);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

type Reply = Record<string, unknown>;
const CLEAN: Reply = { ok: true, objects: 20_000, cut: false, reports: '' };

/** What the kernel of each epoch answers. */
async function run(replies: readonly Reply[], more = '', checked = [true, true]): Promise<RunRecord> {
  const script: Script = {
    request: (_, { op, epoch }) => (op === 'kmemleak' ? { kind: 'answer', reply: { ...replies[epoch] } } : null),
  };
  const kernels = ['a', 'b'].map((name, epoch) => (checked[epoch] ? { ...image(name), systemMap } : image(name)));
  const { record, error } = await runFake(updatesOf({ updates: 1, more }), script, { plan: { kernels } });
  expect(error).toBeNull();
  return record as RunRecord;
}

describe('kmemleak', () => {
  it('looks at both kernels, and counts the objects that it follows', async () => {
    const { verdict, witnesses } = await run([CLEAN, CLEAN]);
    expect(verdict.outcome).toBe('preserved');
    expect(witnesses.kmemleak).toMatchObject({ looked: true, required: true, counted: 40_000 });
  });

  it('is not needed, and not asked, where no kernel has it', async () => {
    const { verdict, witnesses } = await run([], '', [false, false]);
    expect(verdict.outcome).toBe('preserved');
    expect(witnesses.kmemleak).toBeUndefined();
  });

  it.each([0, 1])('finds objects that nobody points to in the kernel of epoch %i', async (leaky) => {
    const { verdict, taint } = await run([0, 1].map((at) => (at === leaky ? { ...CLEAN, reports: LEAK } : CLEAN)));
    expect(verdict).toMatchObject({
      outcome: 'tainted',
      cause: { epoch: leaky, title: 'kmemleak: memory that nobody points to, from luo_session_finish' },
    });
    expect(verdict.cause?.detail).toContain('luo_session_finish+0x6a/0x120');
    expect(taint?.flags).toEqual(['sanitizer']);
  });

  it('finds nothing that the scenario does not declare', async () => {
    const { verdict, incidents } = await run([CLEAN, { ...CLEAN, reports: LEAK }], 'taint: [sanitizer]\n');
    expect(verdict.outcome).toBe('preserved');
    expect(incidents.filter(({ title }) => title.startsWith('kmemleak'))).toMatchObject([{ implies: null }]);
  });

  it.each<[string, Reply, RegExp]>([
    ['the file is missing', { ok: false, errno: 'ENOENT', at: 'open' }, /^no scan: ENOENT \(open\)$/],
    ['it turned itself off', { ok: false, errno: 'EPERM', at: 'write scan' }, /^no scan: EPERM/],
    ['nobody says what it follows', { ...CLEAN, objects: undefined }, /how many objects/],
    ['it follows nothing', { ...CLEAN, objects: 0 }, /how many objects/],
    ['its list is another', { ...CLEAN, reports: 'leak: 3\n' }, /not in the form/],
  ])('is blind where %s', async (_, reply, why) => {
    const { verdict, witnesses } = await run([CLEAN, reply]);
    expect(verdict).toMatchObject({ outcome: 'infra', cause: { title: 'the witness "kmemleak" was blind' } });
    expect(witnesses.kmemleak).toMatchObject({ looked: false, why: expect.stringMatching(why) as string });
  });

  it.each([
    { ...CLEAN, reports: 5 },
    { ...CLEAN, objects: -1 },
  ])('from a client that says nonsense: %j', async (reply) => {
    const { verdict } = await run([CLEAN, reply]);
    expect(verdict.outcome).toBe('lost');
  });

  it('blind, is no reason to forget what was seen', async () => {
    const { verdict } = await run([
      { ...CLEAN, reports: LEAK },
      { ok: false, errno: 'EPERM', at: 'write scan' },
    ]);
    expect(verdict.outcome).toBe('tainted');
  });
});
