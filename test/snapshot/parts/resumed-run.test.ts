// SPDX-License-Identifier: Apache-2.0
// A run from a saved machine ends as the run that saved it, and sees the same. Whatever is wrong with the snapshot is
// said, and is no verdict.
import { describe, expect, it } from 'vitest';
import type { Event } from '../../../src/model/result/event.js';
import { Divergence } from '../../../src/snapshot/index.js';
import type { FakeRun } from '../../fakes/run.js';
import { TWO_UPDATES, updatesOf } from '../../fakes/scenarios.js';
import { climb, resume } from './climbed.js';

/** A machine that stops at the jump has printed its last line; a run may read it before or after that. */
const isLastLine = (event: Event) => event.kind === 'kexec' && event.state === 'left';

/** What a run says, without times, and without what tells a resumed run from another. */
function told({ events }: FakeRun): unknown[] {
  const times = new Set(['t', 'ms', 'epoch']);
  return events
    .filter((event: Event) => event.kind !== 'snapshot' && !isLastLine(event))
    .map((event) => Object.fromEntries(Object.entries(event).filter(([name]) => !times.has(name))));
}

/** What the agents were asked, without numbers. */
const requests = ({ agent }: FakeRun) => agent.flatMap((line) => /^out \d+ (.*)/.exec(line)?.slice(1) ?? []);

const evidence = ({ record }: FakeRun) => {
  if (record === null) return null;
  const { durations: _, startedAt: __, loopDelay: ___, attempts, steps, qemu, ...rest } = record;
  return {
    ...rest,
    qemu: qemu.version,
    attempts: attempts.map((attempt) => ({ ...attempt, at: 0 })),
    steps: steps.map((step) => ({ ...step, ms: 0 })),
  };
};

describe.each(['booted', 'jump', 'open', 'retrieve'] as const)('a run from %s', (rung) => {
  it('is as the one that saved the machine, in its verdict, its evidence and its events', async () => {
    const climbed = await climb(TWO_UPDATES, rung);
    const { run, failure, continued } = await resume(TWO_UPDATES, climbed);
    expect(failure).toBeNull();
    expect(run.error).toBeNull();
    expect(run.record?.verdict.outcome).toBe('preserved');
    expect(evidence(run)).toEqual(evidence(climbed.run));
    expect(told(run)).toEqual(told(climbed.run));
    expect(requests(run).filter((line) => !line.startsWith('renew '))).toEqual(requests(climbed.run));
    expect(requests(run).filter((line) => line.startsWith('renew '))).toHaveLength(rung === 'booted' ? 3 : 2);
    expect(run.console).toBe(climbed.run.console);
    expect(continued).toBe(1);
    expect(run.leftOpen).toEqual([]);
    expect(run.ms).toBeLessThan(climbed.run.ms - 1000);
  });

  it('gets neither the time nor entropy if it is to be the same each time', async () => {
    const same = `${TWO_UPDATES}\nmachine: {icount: true, seed: 1}\n`;
    const { run, failure } = await resume(same, await climb(same, rung));
    expect(failure).toBeNull();
    expect(requests(run).filter((line) => line.startsWith('renew '))).toEqual([]);
  });

  it('says first what it starts from', async () => {
    const { run } = await resume(TWO_UPDATES, await climb(TWO_UPDATES, rung));
    expect(run.events[0]).toMatchObject({ kind: 'snapshot', state: 'resumed', rung, key: 'k' });
  });

  it('is in vain if QEMU does not load the machine', async () => {
    const start = async () => Promise.reject(new Error('not a machine'));
    const climbed = await climb(TWO_UPDATES, rung);
    const { failure, run } = await resume(TWO_UPDATES, climbed, {
      options: {
        machine: { start, openMemory: () => Promise.reject() as never, openSavedPort: () => Promise.reject() as never },
      },
    });
    expect(failure?.message).toBe('not a machine');
    expect(run.record).toBeNull();
  });

  it('is in vain if the machine does nothing after it was resumed', async () => {
    const climbed = await climb(TWO_UPDATES, rung);
    const { failure, run } = await resume(TWO_UPDATES, climbed, {
      script: { request: () => ({ kind: 'silent' }) },
      prepare: (machine) => (machine.goOn = () => machine.stand()),
    });
    expect(failure?.message).toMatch(/no sign of life/);
    expect(run.record).toBeNull();
    expect(run.leftOpen).toEqual([]);
  });
});

it.each(['booted', 'open', 'retrieve'] as const)(
  'a machine from %s that only its agent shows alive is judged',
  async (rung) => {
    const climbed = await climb(TWO_UPDATES, rung);
    const { run, failure } = await resume(TWO_UPDATES, climbed, {
      // It greets the lab and renews its machine, and says nothing more.
      script: { request: (_, { op }) => (['hello', 'renew'].includes(op) ? null : { kind: 'silent' }) },
    });
    expect(failure).toBeNull();
    expect(run.record?.verdict.outcome).toBe('hang');
  },
);

describe('a run from jump', () => {
  it('that asks something else is in vain', async () => {
    const climbed = await climb(TWO_UPDATES, 'jump');
    const other = TWO_UPDATES.replace('memfd: 16KiB', 'memfd: 12KiB');
    const { failure, run } = await resume(other, climbed);
    expect(failure).toBeInstanceOf(Divergence);
    expect(failure?.message).toMatch(/asked ".*memfd .*size=12288/);
    expect(run.record).toBeNull();
    expect(run.leftOpen).toEqual([]);
  });

  it('that does not ask everything is in vain', async () => {
    const climbed = await climb(TWO_UPDATES, 'jump');
    const less = TWO_UPDATES.replace('      - {name: state, memfd: 8KiB}\n', '');
    const { failure } = await resume(less, climbed);
    expect(failure).toBeInstanceOf(Divergence);
  });

  it('sees what a fault at the jump does, though the saved run had none', async () => {
    const climbed = await climb(updatesOf({ updates: 1 }), 'jump');
    const flip = updatesOf({ updates: 1, more: 'faults: [{at: jump, flip: {file: vm0/ram, page: 1}}]\n' });
    const { run, failure } = await resume(flip, climbed);
    expect(failure).toBeNull();
    expect(run.record?.verdict.outcome).toBe('corrupt');
  });

  it('whose next kernel panics is a verdict', async () => {
    const climbed = await climb(updatesOf({ updates: 1 }), 'jump');
    const { run, failure } = await resume(updatesOf({ updates: 1 }), climbed, {
      script: { booting: (machine, epoch) => epoch === 1 && machine.panic() },
    });
    expect(failure).toBeNull();
    expect(run.record?.verdict.outcome).toBe('panic');
  });
});
