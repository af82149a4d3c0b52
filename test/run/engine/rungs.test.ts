// SPDX-License-Identifier: Apache-2.0
// When a run offers its machine for saving: once a rung, before anything else happens there.
import { describe, expect, it } from 'vitest';
import type { Rung } from '../../../src/model/result/snapshot.js';
import { reaches } from '../../../src/model/result/snapshot.js';
import type { RungSaver } from '../../../src/run/engine/plan.js';
import { stopsForRung } from '../../../src/run/engine/rungs.js';
import { runFake } from '../../fakes/run.js';
import { TWO_UPDATES } from '../../fakes/scenarios.js';

function saver(wanted: readonly Rung[], why: string | null = null): RungSaver & { saved: Rung[] } {
  const saved: Rung[] = [];
  return {
    saved,
    booted: () => undefined,
    wants: (rung) => wanted.includes(rung),
    save: async (rung) => {
      saved.push(rung);
      return why;
    },
  };
}

describe('a run with a saver', () => {
  it('offers each rung that is wanted once, whatever the number of updates', async () => {
    const both = saver(['booted', 'jump']);
    const { record, events, leftOpen } = await runFake(TWO_UPDATES, {}, { plan: { saver: both } });
    expect(both.saved).toEqual(['booted', 'jump']);
    expect(record?.verdict.outcome).toBe('preserved');
    expect(leftOpen).toEqual([]);
    const kinds = events.map((event) =>
      event.kind === 'snapshot' && event.state !== 'unusable' ? `${event.state} ${event.rung}` : event.kind,
    );
    expect(kinds.indexOf('saved booted')).toBeGreaterThan(kinds.indexOf('epoch'));
    expect(kinds.filter((kind) => kind.startsWith('saved'))).toEqual(['saved booted', 'saved jump']);
  });

  it('goes on if nothing can be saved, and says why', async () => {
    const { record, events } = await runFake(TWO_UPDATES, {}, { plan: { saver: saver(['jump'], 'the disk is full') } });
    expect(record?.verdict.outcome).toBe('preserved');
    expect(events.filter(({ kind }) => kind === 'snapshot')).toMatchObject([
      { state: 'not-saved', rung: 'jump', why: 'the disk is full' },
    ]);
  });

  it('offers nothing that is not wanted', async () => {
    const none = saver([]);
    await runFake(TWO_UPDATES, {}, { plan: { saver: none } });
    expect(none.saved).toEqual([]);
  });
});

describe('rungs of the next kernel', () => {
  it('come before the lab asks its agents anything, and before it retrieves the first file', async () => {
    const left = new Set<Rung>(['jump', 'open', 'retrieve']);
    const asked: string[] = [];
    const seen: Partial<Record<Rung, string[]>> = {};
    const noting: RungSaver = {
      booted: () => undefined,
      wants: (rung) => left.has(rung),
      save: async (rung) => {
        left.delete(rung);
        seen[rung] = [...asked];
        return null;
      },
    };
    const note = (_: unknown, { op, epoch }: { op: string; epoch: number }) => (asked.push(`${epoch} ${op}`), null);
    const { record } = await runFake(TWO_UPDATES, { request: note }, { plan: { saver: noting } });
    expect(record?.verdict.outcome).toBe('preserved');
    expect(Object.keys(seen)).toEqual(['jump', 'open', 'retrieve']);
    expect(seen.open?.filter((each) => each.startsWith('1'))).toEqual([]);
    const before = seen.retrieve?.filter((each) => each.startsWith('1')) ?? [];
    expect(before).toContain('1 retrieve-session');
    expect(before).not.toContain('1 retrieve');
    // The machine stands still with nothing on its way.
    expect(asked[seen.retrieve?.length ?? 0]).toBe('1 retrieve');
  });

  it('need a function of the kernel, and say so', async () => {
    const { record, events } = await runFake(TWO_UPDATES, {}, { plan: { saver: saver(['jump', 'kho', 'luo']) } });
    expect(record?.verdict.outcome).toBe('preserved');
    expect(events.filter(({ kind }) => kind === 'snapshot')).toMatchObject([
      { state: 'saved', rung: 'jump' },
      { state: 'not-saved', rung: 'kho', why: 'the next kernel has no kho_populate()' },
      { state: 'not-saved', rung: 'luo', why: 'the next kernel has no liveupdate_early_init()' },
    ]);
  });
});

describe('the stop at the jump', () => {
  const resumed = (rung: Rung) => ({ rung, key: 'k', savedAt: '', bootMs: 1 });

  it('is for a saver that wants it, and for a run that starts there or later', () => {
    expect(stopsForRung({ saver: saver(['jump']), resumed: null }, 0)).toBe(true);
    expect(stopsForRung({ saver: saver(['jump']), resumed: null }, 1)).toBe(false);
    expect(stopsForRung({ saver: saver(['booted']), resumed: null }, 0)).toBe(false);
    expect(stopsForRung({ saver: null, resumed: resumed('booted') }, 0)).toBe(false);
    expect(stopsForRung({ saver: null, resumed: resumed('jump') }, 0)).toBe(true);
    expect(stopsForRung({ saver: null, resumed: resumed('open') }, 0)).toBe(true);
    expect(stopsForRung({ saver: null, resumed: resumed('open') }, 1)).toBe(false);
  });

  it('knows the order of the rungs', () => {
    expect(reaches('jump', 'jump')).toBe(true);
    expect(reaches('booted', 'jump')).toBe(false);
    expect(reaches('retrieve', 'open')).toBe(true);
  });
});
