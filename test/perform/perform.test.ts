// SPDX-License-Identifier: Apache-2.0
// A run from a saved machine that turns out to be useless leaves nothing, and the run starts again with a boot.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Event } from '../../src/model/result/event.js';
import { perform, type Performed } from '../../src/perform/perform.js';
import type { Prepared } from '../../src/perform/prepare.js';
import type { Starter } from '../../src/perform/start.js';
import { parseScenario } from '../../src/scenario/index.js';
import { FakeMachine, type Script } from '../fakes/machine.js';
import { fakeClock, image, untilOver } from '../fakes/run.js';
import { FAKE_FORMAT } from '../fakes/ram.js';
import { updatesOf } from '../fakes/scenarios.js';
import { type Climbed, climb, resumingOn } from '../snapshot/parts/climbed.js';
import { temporaryFolder } from '../util/temporary.js';

const UPDATE = updatesOf({ updates: 1 });
const OTHER = UPDATE.replace('memfd: 16KiB', 'memfd: 12KiB');

interface Tried {
  performed: Performed | null;
  error: unknown;
  /** How often the saved machine was removed, and after how many starts. */
  removedAfter: number[];
  starts: number;
  events: Event[];
  /** Folders in the results. */
  folders: string[];
}

/** Performs a run: first from the saved machine, then with a boot. */
async function tryRun(yaml: string, climbed: Climbed, scripts: { warm?: Script; cold?: Script } = {}): Promise<Tried> {
  const scenario = parseScenario(yaml, 'fake.yaml');
  const results = temporaryFolder();
  const machines: FakeMachine[] = [];
  const removedAfter: number[] = [];
  const machine = (script: Script = {}) => {
    const made = new FakeMachine(script);
    machines.push(made);
    return made;
  };
  const starts: Starter = async (plan, { failed }) => {
    if (failed !== null)
      return {
        kind: 'cold',
        none: `unusable: ${failed}`,
        unusable: failed,
        saved: null,
        parts: machine(scripts.cold).parts,
      };
    return {
      kind: 'warm',
      scenario: plan.scenario,
      resumed: { rung: climbed.rung, key: 'k', savedAt: '2026-11-28T03:12:00.000Z', bootMs: 1500 },
      resuming: resumingOn(machine(scripts.warm), climbed),
      release: () => undefined,
      remove: async () => void removedAfter.push(machines.length),
    };
  };
  const prepared: Prepared = {
    kernels: scenario.kernels.map((name) => ({ ...image(name) })),
    rootfs: { path: image('a').bzImage, sha256: '0'.repeat(64), size: 4096 },
    accel: { accel: 'tcg', why: 'a test' },
    hostTscKhz: null,
    formats: scenario.kernels.map(() => FAKE_FORMAT),
    unread: [],
    selftests: scenario.kernels.map(() => null),
    follow: false,
    filePlaces: [],
    iommuOptions: {},
  };
  const events: Event[] = [];
  const tried: Pick<Tried, 'performed' | 'error'> = { performed: null, error: null };
  const { signal } = new AbortController();
  const over = perform(
    scenario,
    prepared,
    { results, labVersion: '0', signal, onEvent: (event) => events.push(event) },
    starts,
  ).then(
    (performed) => Object.assign(tried, { performed }),
    (error: unknown) => Object.assign(tried, { error }),
  );
  await untilOver(over);
  for (const { ram } of machines) ram.remove();
  return { ...tried, removedAfter, starts: machines.length, events, folders: readdirSync(results) };
}

describe('a run from a saved machine', () => {
  let climbed: Climbed;
  beforeEach(async () => {
    climbed = await climb(UPDATE, 'jump');
    fakeClock();
  });
  afterEach(() => void vi.useRealTimers());

  it('says in its result what it started from', async () => {
    const { performed, starts, removedAfter } = await tryRun(UPDATE, climbed);
    expect(performed?.result).toMatchObject({ outcome: 'preserved', snapshot: { rung: 'jump', key: 'k' } });
    expect([starts, removedAfter]).toEqual([1, []]);
  });

  it('that diverges boots, leaves nothing, and the saved machine is removed before that', async () => {
    const { performed, starts, removedAfter, folders } = await tryRun(OTHER, climbed);
    expect(performed?.result).toMatchObject({
      outcome: 'preserved',
      snapshot: { none: expect.stringContaining('size=12288') as string },
    });
    expect([starts, removedAfter]).toEqual([2, [1]]);
    expect(folders).toHaveLength(1);
    const kept = readFileSync(join(performed?.folder ?? '', 'events.jsonl'), 'utf8')
      .trim()
      .split('\n');
    expect(JSON.parse(kept[0] ?? '')).toMatchObject({ kind: 'snapshot', state: 'unusable' });
    expect(kept.filter((line) => line.includes('"resumed"'))).toEqual([]);
    expect(performed?.result.timeline[0]?.what).toMatch(/^the snapshot was unusable: /);
  });

  it('that ends in infra boots, and the saved machine is removed if the boot goes well', async () => {
    const { performed, starts, removedAfter } = await tryRun(UPDATE, climbed, {
      warm: { booting: (machine, epoch) => epoch === 1 && machine.quit() },
    });
    expect(performed?.result).toMatchObject({ outcome: 'preserved', snapshot: { none: expect.any(String) as string } });
    expect([starts, removedAfter]).toEqual([2, [2]]);
  });

  it('that ends in infra keeps the saved machine if a boot ends so too', async () => {
    const quits: Script = { booting: (machine, epoch) => epoch === 1 && machine.quit() };
    const { performed, removedAfter } = await tryRun(UPDATE, climbed, { warm: quits, cold: quits });
    expect(performed?.result.outcome).toBe('infra');
    expect(removedAfter).toEqual([]);
  });

  const hangs: Script = { entering: (machine) => machine.stand() };

  it('that shows no sign of life boots; if that hangs too, the saved machine stays', async () => {
    const { performed, starts, removedAfter } = await tryRun(UPDATE, climbed, { warm: hangs, cold: hangs });
    expect(performed?.result).toMatchObject({
      outcome: 'hang',
      snapshot: { none: expect.stringContaining('no sign of life') as string },
    });
    expect([starts, removedAfter]).toEqual([2, []]);
  });

  it('that shows no sign of life loses its saved machine if a boot does not hang', async () => {
    const { performed, starts, removedAfter } = await tryRun(UPDATE, climbed, { warm: hangs });
    expect(performed?.result.outcome).toBe('preserved');
    expect([starts, removedAfter]).toEqual([2, [2]]);
  });

  it('whose next kernel panics is a verdict, without a boot', async () => {
    const { performed, starts } = await tryRun(UPDATE, climbed, {
      warm: { booting: (machine, epoch) => epoch === 1 && machine.panic() },
    });
    expect(performed?.result.outcome).toBe('panic');
    expect(starts).toBe(1);
  });
});
