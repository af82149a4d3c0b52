// SPDX-License-Identifier: Apache-2.0
// How a run starts, and what it saves for others.
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { savedRung, type SnapshotUse, type Start, startOf } from '../../src/perform/start.js';
import type { RunPlan } from '../../src/run/engine/plan.js';
import { parseScenario } from '../../src/scenario/index.js';
import { fakePlan } from '../fakes/parts.js';
import { FAKE_FORMAT } from '../fakes/ram.js';
import { image } from '../fakes/run.js';
import { updatesOf } from '../fakes/scenarios.js';
import { temporaryFolder } from '../util/temporary.js';

const UPDATE = updatesOf({ updates: 1 });

function planOf(more: Partial<RunPlan> = {}, yaml = UPDATE): RunPlan {
  const scenario = parseScenario(yaml, 'fake.yaml');
  const rootfs = { path: image('a').bzImage, sha256: '0'.repeat(64), size: 4096 };
  return fakePlan(scenario, {
    kernels: scenario.kernels.map(image),
    rootfs,
    formats: scenario.kernels.map(() => FAKE_FORMAT),
    ...more,
  });
}

async function started(plan: RunPlan, use: SnapshotUse = 'use', failed: string | null = null): Promise<Start> {
  const { signal } = new AbortController();
  const start = await startOf(plan, { use, failed, signal, tell: () => undefined });
  if (start.kind === 'cold') start.saved?.saving.discard();
  return start;
}

const none = async (...args: Parameters<typeof started>) => {
  const start = await started(...args);
  return start.kind === 'cold' ? start.none : null;
};

beforeEach(() => {
  const bin = temporaryFolder();
  const qemu = join(bin, 'qemu-system-x86_64');
  writeFileSync(qemu, '#!/bin/sh\necho QEMU emulator version 7.2.0\n');
  chmodSync(qemu, 0o755);
  vi.stubEnv('PATH', `${bin}:${process.env['PATH'] ?? ''}`);
  vi.stubEnv('LAB_CACHE', temporaryFolder());
  vi.stubEnv('LAB_SNAPSHOTS', 'on');
});
afterEach(() => vi.unstubAllEnvs());

describe('a run without a saved machine', () => {
  it.each<[SnapshotUse, string]>([
    ['use', 'jump'],
    ['booted', 'booted'],
  ])('that may %s saves %s', async (use, rung) => {
    const start = await startOf(planOf(), {
      use,
      failed: null,
      signal: new AbortController().signal,
      tell: () => undefined,
    });
    if (start.kind !== 'cold' || start.saved === null) throw new Error('nothing is saved');
    const { saving } = start.saved;
    expect(['booted', 'jump'].filter((each) => saving.wants(each as 'jump'))).toEqual([rung]);
    expect(start.none).toBe('no snapshot of this machine yet');
    saving.discard();
  });

  it('says what was wrong with the last one', async () => {
    const start = await started(planOf(), 'use', 'it hangs');
    expect(start).toMatchObject({ none: 'the snapshot was unusable: it hangs', unusable: 'it hangs' });
  });
});

describe('a run neither starts from a saved machine nor saves its own', () => {
  it('with --cold', async () => expect(await none(planOf(), 'cold')).toBe('--cold'));

  it('where the user has turned it off', async () => {
    vi.stubEnv('LAB_SNAPSHOTS', 'off');
    expect(await none(planOf())).toBe('LAB_SNAPSHOTS=off');
  });

  it('while the user looks at its machine', async () => {
    expect(await none(planOf({ onBreakpoint: async () => undefined }))).toMatch(/looks at the machine/);
  });

  it('on KVM', async () => expect(await none(planOf({ accel: 'kvm' }))).toMatch(/^KVM: /));

  it('if the cache cannot be written', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    vi.stubEnv('LAB_CACHE', join(file, 'cache'));
    const start = await started(planOf());
    expect(start).toMatchObject({ kind: 'cold', saved: null });
  });
});

it.each([
  ['jump', 'use', 'jump'],
  ['booted', 'use', 'booted'],
  ['jump', 'booted', 'booted'],
  ['booted', 'booted', 'booted'],
  ['jump', 'find', null],
  ['booted', 'find', null],
  ['jump', 'cold', null],
] as const)('a run that can start from %s, and is to %s, saves %s', (last, use, saved) => {
  expect(savedRung(last, use)).toBe(saved);
});

it('a run whose machine another run saves now boots without saving it', async () => {
  const { signal } = new AbortController();
  const first = await startOf(planOf(), { use: 'use', failed: null, signal, tell: () => undefined });
  if (first.kind !== 'cold' || first.saved === null) throw new Error('nothing is saved');
  expect(await started(planOf())).toMatchObject({
    kind: 'cold',
    saved: null,
    none: 'no snapshot of this machine yet, and none can be saved: another run saves this machine now',
  });
  first.saved.saving.discard();
  expect(await started(planOf())).toMatchObject({ kind: 'cold', none: 'no snapshot of this machine yet' });
});
