// SPDX-License-Identifier: Apache-2.0
// How a run ends, whatever happens and whenever it happens: its outcome, whose fault, one record an update, and nothing
// left open.
import { describe, expect, it } from 'vitest';
import type { Incident } from '../../../src/model/result/incident.js';
import type { Outcome } from '../../../src/model/result/outcome.js';
import { ENDINGS, type Ending, PHASES, type Phase, stage } from '../../fakes/endings.js';
import { type FakeRun, runFake } from '../../fakes/run.js';
import { updatesOf } from '../../fakes/scenarios.js';

interface Expected {
  outcome: Outcome;
  /** Who says so. */
  source: Incident['source'] | undefined;
}

/** What was seen before a recovery stands, whatever happens in it. */
const IMPAIRED: Expected = { outcome: 'leak', source: 'memory' };

const EXPECTED: Readonly<Record<Exclude<Ending, 'abort'>, Expected>> = {
  panic: { outcome: 'panic', source: 'console' },
  reset: { outcome: 'reboot', source: 'qmp' },
  hang: { outcome: 'hang', source: 'deadline' },
  oops: { outcome: 'tainted', source: 'console' },
  'client gone': { outcome: 'lost', source: 'agent' },
  'QEMU gone': { outcome: 'infra', source: 'lab' },
  'host starved': { outcome: 'infra', source: 'lab' },
  'host too busy': { outcome: 'infra', source: 'lab' },
  'time limit': { outcome: 'infra', source: 'lab' },
};

/** Nothing that matters happened. */
const GOOD: Expected = { outcome: 'preserved', source: undefined };

function expectedOf(ending: Exclude<Ending, 'abort'>, phase: Phase, update: number): Expected {
  if (phase === 'recovery') return IMPAIRED;
  if (phase === 'boot' && update === 1) {
    // What the first kernel was before anything was handed over is no news, and one that cannot be talked to has shown
    // nothing yet.
    if (ending === 'oops') return GOOD;
    if (ending === 'client gone') return EXPECTED['QEMU gone'];
  }
  // What was handed over and never came into the client's hands lies there to be seen.
  return ending === 'client gone' && (phase === 'arrival' || phase === 'boot') ? IMPAIRED : EXPECTED[ending];
}

/** The kernel that runs when it happens. */
function epochOf(phase: Phase, update: number): number {
  return phase === 'arrival' || phase === 'judging' || phase === 'recovery' ? update : update - 1;
}

type Update = [epoch: number, files: number];

/** Updates that have begun by then, by the epoch that they lead into, and how many files each was to hand over. */
function begunBy(phase: Phase, update: number): Update[] {
  const before: Update[] = update === 1 ? [] : [[1, 2]];
  switch (phase) {
    case 'boot':
      return before;
    case 'steps':
      return [...before, [update, 1]];
    // Judged once all its steps are done, when the next update's files are held already.
    case 'judging':
      return [
        [1, 2],
        [2, 2],
      ];
    default:
      return [...before, [update, 2]];
  }
}

/** Where the lab failed, nobody looks at what was held: only an update that was under way is known. */
function underWay(phase: Phase, update: number): Update[] {
  const known = phase === 'boot' || phase === 'steps' || phase === 'load' ? update - 1 : update;
  return begunBy('judging', 2).slice(0, known);
}

async function run(ending: Ending, phase: Phase, update: number): Promise<FakeRun> {
  const staged = stage(ending, phase, update);
  const recover = phase !== 'recovery' ? undefined : update === 1 ? ('reboot' as const) : ('update' as const);
  const yaml = updatesOf({
    updates: recover === undefined ? 2 : update,
    recover,
    timeout: ending === 'time limit' ? 20 : undefined,
    // A host is given up after many times the deadline.
    more: ending === 'host too busy' ? 'deadline: 5\n' : '',
  });
  const ended = await runFake(yaml, staged.script, staged.options);
  expect(staged.struck).toBe(true);
  return ended;
}

describe.each(ENDINGS)('%s', (ending) => {
  describe.each(PHASES)('in %s', (phase) => {
    it.each([1, 2])('of update %i', async (update) => {
      const { record, error, leftOpen, ms } = await run(ending, phase, update);
      expect(leftOpen).toEqual([]);
      expect(ms).toBeLessThan(60 * 60_000);
      if (ending === 'abort') {
        expect(record).toBeNull();
        expect(error).toEqual(new Error('Ctrl-C'));
        return;
      }
      expect(error).toBeNull();
      const { outcome, source } = expectedOf(ending, phase, update);
      const { verdict, updates = [], attempts = [] } = record ?? {};
      expect({ outcome: verdict?.outcome, source: verdict?.cause?.source, epoch: verdict?.cause?.epoch }).toEqual({
        outcome,
        source,
        epoch: outcome === 'preserved' ? undefined : epochOf(phase, update),
      });
      // A kernel that survives its oops goes on to the end.
      const begun =
        outcome === 'infra'
          ? underWay(phase, update)
          : begunBy(ending === 'oops' && phase !== 'recovery' ? 'judging' : phase, update);
      expect(attempts.map(({ epoch }) => epoch + 1)).toEqual(begun.map(([epoch]) => epoch));
      const records = updates.map(({ epoch, files }): Update => [epoch, files.length]);
      if (outcome === 'infra') expect(begun).toEqual(expect.arrayContaining(records));
      else expect(records).toEqual(begun);
    });
  });
});
