// SPDX-License-Identifier: Apache-2.0
// Guests over real updates: the scenarios of scenarios/guests that are tagged fast. `npm run corpus -- --folder guests`
// runs all.
import { describe, expect, it } from 'vitest';
import type { Result } from '../../src/model/result/result.js';
import { why } from './lab.js';
import { fastOf, labelled, runLabelled } from './support/labelled.js';

const all = labelled('guests');
const fast = fastOf(all);

/** What must be seen besides the outcome. */
const SEEN: Readonly<Record<string, (result: Result) => void>> = {
  'survives.yaml': ({ guests, downtime }) => {
    expect(guests).toMatchObject([
      { state: 'survived', chain: { before: { bad: 0 }, arrival: { bad: 0 }, after: { bad: 0 } } },
    ]);
    const [guest] = guests;
    expect(guest?.ticks.after).toBeGreaterThan(guest?.ticks.before ?? Infinity);
    // Where it stopped, there it goes on: not a link was made in between.
    expect(guest?.chain.arrival?.links).toBe(guest?.chain.before?.links);
    expect(guest?.chain.after?.links).toBeGreaterThan(guest?.chain.before?.links ?? Infinity);
    expect(downtime).toHaveLength(1);
    const [still] = downtime;
    expect(still?.phases.map(({ phase }) => phase)).toEqual([
      'pause',
      'save',
      'lab',
      'freeze',
      'jump',
      'boot',
      'agent',
      'retrieve',
      'restore',
      'resume',
    ]);
    expect(still?.phases.reduce((sum, { ms }) => sum + ms, 0)).toBeCloseTo(still?.ms ?? 0, -1);
    // Two clocks: the lab's, and the machine's TSC.
    expect(Math.abs((still?.ms ?? 0) - (guest?.downtime ?? 0))).toBeLessThan(150 + 0.05 * (still?.ms ?? 0));
    expect(guest?.downtimeInside).toBeGreaterThan((guest?.downtime ?? 0) - 50);
  },
  // It was 27 s ahead where KVM was left to go by the first guess.
  'clock-guessed.yaml': ({ guests }) => expect(Math.abs(guests[0]?.clock?.jump ?? Infinity)).toBeLessThan(2000),
  'device.yaml': ({ guests, devices }) => {
    const [device] = guests[0]?.devices ?? [];
    expect(guests).toMatchObject([
      {
        state: 'survived',
        needs: 3,
        devices: [
          {
            device: 'edu0',
            carried: 'recreated',
            before: { wrong: 0, resets: 0 },
            after: { wrong: 0, unended: 0, resets: 1, gone: 0 },
          },
        ],
      },
    ]);
    expect(device?.after?.done).toBeGreaterThan(device?.before?.done ?? Infinity);
    expect(devices).toMatchObject([{ carried: 'recreated', problems: [] }]);
  },
  'device-kept.yaml': ({ guests, devices, iommu }) => {
    const [device] = guests[0]?.devices ?? [];
    expect(guests).toMatchObject([
      {
        state: 'survived',
        devices: [{ device: 'edu0', carried: 'kept', after: { wrong: 0, unended: 0, cut: 0, resets: 0, gone: 0 } }],
      },
    ]);
    expect(device?.after?.done).toBeGreaterThan(device?.before?.done ?? Infinity);
    expect(devices).toMatchObject([{ carried: 'kept', resets: 0, problems: [] }]);
    expect(iommu).toMatchObject({ gapMs: 0, tables: [{ same: 4096, problems: [] }] });
  },
  'device-check-version.yaml': ({ guests, mismatches, downtime }) => {
    expect(guests).toMatchObject([
      { state: 'survived', devices: [{ device: 'edu0', after: { wrong: 0, resets: 0, gone: 0 } }] },
    ]);
    expect(mismatches).toMatchObject([{ component: 'guest-state', wrote: 3, reads: [1, 2] }]);
    expect(downtime).toEqual([]);
  },
  'page-damaged.yaml': ({ guests }) => expect(guests[0]).toMatchObject({ state: 'corrupt', firstBad: { page: 777 } }),
  'one-of-four-leaks-update.yaml': ({ guests, impaired, recovery }) => {
    expect(guests.map(({ name, state, pagesLeaked }) => [name, state, pagesLeaked])).toEqual([
      ['vm-1/guest', 'survived', 0],
      ['vm-2/guest', 'lost', 2048],
      ['vm-3/guest', 'survived', 0],
      ['vm-4/guest', 'survived', 0],
    ]);
    expect(impaired?.guests).toEqual(['vm-2/guest']);
    expect(impaired?.pagesLeaked).toBeGreaterThanOrEqual(2048);
    // A second update after a stop at the first jump: it must really go, and give back all that was leaked.
    expect(recovery).toMatchObject({
      how: 'update',
      problems: [],
      pagesLeaked: { before: impaired?.pagesLeaked, after: 0 },
      pagesGivenBack: impaired?.pagesLeaked,
      guestsLost: ['vm-2/guest'],
    });
    expect(recovery?.guestsSurvived).toEqual(['vm-1/guest', 'vm-3/guest', 'vm-4/guest']);
  },
  'check-feature-too-new.yaml': ({ guests, mismatches, downtime }) => {
    expect(guests).toMatchObject([{ state: 'survived', chain: { after: { bad: 0 } } }]);
    expect(mismatches).toMatchObject([{ component: 'guest-state', wrote: 2, reads: [1] }]);
    expect(downtime).toEqual([]);
  },
};

describe('guests', () => {
  it('have at least 15 scenarios, each with what it must come to', () => {
    expect(all.length).toBeGreaterThanOrEqual(15);
    expect(all.filter(({ label }) => label.expect.endsIn === undefined).map(({ name }) => name)).toEqual([]);
    expect(Object.keys(SEEN).filter((name) => !fast.some((each) => each.name === name))).toEqual([]);
  });

  it.each(fast)('$name: $label.expect.outcome', async (scenario) => {
    const { name, label } = scenario;
    const run = await runLabelled(scenario);
    if (!label.tags.includes('fault')) expect(run.result.predicted?.outcome, why(run)).toBe(label.expect.outcome);
    SEEN[name]?.(run.result);
  });
});
