// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { Ledger, type UpdateEntry } from '../../../src/run/judge/ledger.js';

const leaving = (epoch: number) => ({ epoch, sessions: 2, files: 3, at: 10 });
const arrival = { handedOver: null, managed: 5, memory: null, stacks: null };
const FINAL = ['judged', 'refused', 'ended'] as const;

describe('an entry of the ledger', () => {
  const begun = () => new Ledger().begin(leaving(0));
  const arrived = () => {
    const entry = begun();
    entry.arrive(arrival);
    return entry;
  };

  it.each<[string, () => UpdateEntry, (typeof FINAL)[number][]]>([
    ['open', begun, ['refused', 'ended']],
    ['arrived', arrived, ['judged', 'ended']],
  ])('that is %s can be closed only in ways that make sense', (_, make, ways) => {
    for (const way of FINAL) {
      const entry = make();
      if (ways.includes(way)) entry.close(way);
      else expect(() => entry.close(way)).toThrow(/attempt 1 to leave the kernel of epoch 0/);
      expect(entry.closed).toBe(ways.includes(way));
    }
  });

  it.each(FINAL.flatMap((first) => FINAL.map((second) => [first, second] as const)))(
    'closed as %s cannot be closed again as %s',
    (first, second) => {
      const entry = first === 'judged' ? arrived() : begun();
      entry.close(first);
      expect(() => entry.close(second)).toThrow(`it is ${first}`);
      expect(() => entry.arrive(arrival)).toThrow(`it is ${first}`);
      expect(() => entry.wrote('files')).toThrow(`it is ${first}`);
      expect(entry.state).toBe(first);
    },
  );

  it('has each of its parts written once', () => {
    const entry = arrived();
    entry.wrote('files');
    expect(entry.has('files')).toBe(true);
    expect(entry.has('guests')).toBe(false);
    expect(() => entry.wrote('files')).toThrow(
      'files of attempt 1 to leave the kernel of epoch 0 cannot be judged twice',
    );
  });

  it('has a result only once it is closed', () => {
    const entry = begun();
    expect(() => entry.result()).toThrow('was left open');
    entry.close('refused', 'EBUSY');
    expect(entry.result()).toEqual({
      epoch: 0,
      attempt: 1,
      state: 'refused',
      sessions: 2,
      files: 3,
      at: 10,
      why: 'EBUSY',
    });
  });
});

describe('the ledger', () => {
  it('counts the attempts of each kernel', () => {
    const ledger = new Ledger();
    for (const [epoch, state] of [
      [0, 'refused'],
      [0, 'refused'],
      [0, 'judged'],
      [1, 'ended'],
    ] as const) {
      const entry = ledger.begin(leaving(epoch));
      if (state === 'judged') entry.arrive(arrival);
      entry.close(state);
    }
    expect(ledger.entries.map(({ leaving: { epoch }, attempt, state }) => [epoch, attempt, state])).toEqual([
      [0, 1, 'refused'],
      [0, 2, 'refused'],
      [0, 3, 'judged'],
      [1, 1, 'ended'],
    ]);
  });

  it('has one attempt at a time, beside the update that is not judged yet', () => {
    const ledger = new Ledger();
    const first = ledger.begin(leaving(0));
    expect(ledger.trying).toBe(first);
    expect(() => ledger.begin(leaving(0))).toThrow('still open');
    first.arrive(arrival);
    expect([ledger.trying, ledger.arrived]).toEqual([null, first]);
    const second = ledger.begin(leaving(1));
    expect(ledger.open).toEqual([first, second]);
    first.close('judged');
    second.close('ended');
    expect([ledger.trying, ledger.arrived, ledger.open]).toEqual([null, null, []]);
  });
});
