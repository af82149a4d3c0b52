// SPDX-License-Identifier: Apache-2.0
// What a guest's verdict implies for the run, the incidents that report it, and who saw the guest.
import { describe, expect, it } from 'vitest';
import { NO_PAGES, type FileVerdict } from '../../../src/oracles/files/file-verdict.js';
import { PAGE } from '../../../src/oracles/files/pattern.js';
import { judgeGuests, judgeKeptGuests } from '../../../src/run/guests/judge.js';
import type { FileRecord } from '../../../src/run/judge/records.js';
import type { MachineLife } from '../../../src/run/machine/ending.js';
import type { ExpectedFile } from '../../../src/run/state/file.js';
import { GuestState } from '../../../src/run/state/guest.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { carriedGuest, expectedFile, guestFile, guestSpec, LOOK, statOf } from '../../fakes/guests.js';
import { fakePlan, fakeRecorder, FakeView, NO_MEMORY } from '../../fakes/parts.js';
import { FakeGuest } from '../../oracles/guest/world.js';

function recordOf(file: ExpectedFile, change: Partial<FileVerdict>): FileRecord {
  const verdict: FileVerdict = {
    ...NO_PAGES,
    state: 'intact',
    overwritten: 0,
    readable: 0,
    look: LOOK,
    problems: [],
    disagreement: null,
    map: [],
    ...change,
  };
  return { kind: file.spec.kind, file, verdict };
}

const PANICKED = { panicked: true, failures: [{ what: 'its kernel panicked', count: 1 }] };

function planOf(cpus: number) {
  return fakePlan(parseScenario(`from: a\nto: b\nmachine: {cpus: ${cpus}}\n`, 's.yaml'));
}

/** Judges a Linux guest that was carried over, after `change`. */
async function judged(
  change: (guest: GuestState, ram: ExpectedFile) => void = () => undefined,
  machine: MachineLife = 'runs',
  plan = planOf(1),
) {
  const guest = carriedGuest();
  const ram = expectedFile(guestFile(guest.spec, 'guest-ram', { arrival: LOOK }));
  const state = new RunState();
  state.guests.set('g', guest);
  // It was never created: no update concerns it.
  state.guests.set('later', new GuestState(guestSpec({ name: 'later' })));
  state.expected.set('s/1', ram);
  change(guest, ram);
  const other = expectedFile(guestFile(guestSpec({ name: 'other' }), 'guest-ram'));
  const files = [recordOf(ram, { pagesLeaked: 3, pagesLost: 1 }), recordOf(other, { pagesLeaked: 50 })];
  const { recorder } = fakeRecorder(1);
  const records = await judgeGuests({ plan, state, recorder, view: new FakeView() }, files, machine);
  expect(records.map(({ name }) => name)).toEqual(['g']);
  const incidents = recorder.incidents.map(({ title, implies, detail }) => ({ title, implies, detail }));
  return { record: records[0], incidents, guest: recorder.witnesses.report().guest };
}

describe('a guest that was carried over', () => {
  it('survives without an incident, and counts as seen', async () => {
    const { record, incidents, guest } = await judged();
    expect(record).toMatchObject({ state: 'survived', session: 's', epoch: 1, ticks: { before: 9, after: 20 } });
    expect(record).toMatchObject({ pagesLeaked: 3, pagesLost: 1, problems: [] });
    expect(incidents).toEqual([]);
    expect(guest).toMatchObject({ required: true, looked: true, counted: 1 });
  });

  it('implies corrupt where it is corrupt, and names its leaked pages', async () => {
    const { record, incidents } = await judged(({ now }) => (now.stat = statOf({ ticks: 20, jumped: 2 })));
    expect(record?.state).toBe('corrupt');
    expect(incidents).toEqual([
      {
        title: 'guest is corrupt',
        implies: 'corrupt',
        detail: 'g: 2 of its ticks did not follow the tick before; 3 of its pages are leaked',
      },
    ]);
  });

  it('implies corrupt where it is stuck', async () => {
    const { incidents } = await judged((guest) => (guest.resumed = false));
    expect(incidents).toMatchObject([{ title: 'guest is stuck', implies: 'corrupt' }]);
  });

  it.each([
    ['is stuck', (guest: GuestState) => (guest.resumed = false), 'infra', 'corrupt'],
    ['panicked', ({ now }: GuestState) => (now.stat = statOf({ ticks: 20, ...PANICKED })), 'infra', 'corrupt'],
    ['counts wrong', ({ now }: GuestState) => (now.stat = statOf({ ticks: 20, jumped: 2 })), 'corrupt', 'corrupt'],
  ])('on emulated CPUs, several of them, implies what QEMU cannot have done: it %s', async (_, change, tcg, kvm) => {
    const plan = planOf(2);
    const emulated = await judged(change, 'runs', plan);
    expect(emulated.incidents).toMatchObject([{ implies: tcg }]);
    expect(emulated.incidents[0]?.detail.includes('machine: {cpus: 1}')).toBe(tcg === 'infra');
    expect((await judged(change, 'runs', { ...plan, accel: 'kvm' })).incidents).toMatchObject([{ implies: kvm }]);
  });

  it('implies lost by itself only if its files came back', async () => {
    const gone = (guest: GuestState) => Object.assign(guest, { restored: false, resumed: false });
    expect((await judged(gone)).incidents).toMatchObject([{ title: 'guest is lost', implies: 'lost' }]);
    const withFile = (guest: GuestState, ram: ExpectedFile) => {
      gone(guest);
      ram.retrieved = null;
    };
    expect((await judged(withFile)).incidents).toMatchObject([{ title: 'guest is lost', implies: null }]);
  });

  it('is not judged where the machine ended first, and nobody is blamed or blind', async () => {
    const { record, incidents, guest } = await judged((each) => (each.restored = false), 'ended');
    expect(record).toMatchObject({ state: 'unjudged', problems: ['the machine ended before it could be judged'] });
    expect(incidents).toEqual([]);
    expect(guest).toBeUndefined();
  });

  it('counts as unseen where the agent does not report its state', async () => {
    const { record, guest } = await judged(({ now }) => (now.stat = null));
    expect(record?.state).toBe('survived');
    expect(guest).toMatchObject({ looked: false, why: 'the agent does not report the state of g' });
  });

  it.each([
    [250, []],
    [251, ["a guest's clock jumped"]],
    [-251, ["a guest's clock jumped"]],
  ])('has a clock that is off by %i ms', async (jump, titles) => {
    const { record, incidents } = await judged((guest) => {
      guest.left = { stat: statOf({ clock: { mono: 1000, real: 0, at: 50 } }), chain: null };
      guest.now.stat = statOf({ ticks: 20, clock: { mono: 3000 + jump, real: 0, at: 2050 } });
    });
    expect(record).toMatchObject({ state: 'survived', clock: { advanced: 2000 + jump, expected: 2000, jump } });
    expect(incidents.map(({ title }) => title)).toEqual(titles);
    expect(incidents.every(({ implies }) => implies === null)).toBe(true);
  });
});

const PAGES = 64;

/** A bare guest whose memory can be seen. */
function bare(epoch = 1) {
  const inside = new FakeGuest(1, 1, PAGES);
  const spec = guestSpec({ kind: 'bare', size: PAGES * PAGE });
  const guest = carriedGuest(spec);
  const ram = guestFile(spec, 'guest-ram', { runs: inside.runs, arrival: LOOK });
  const state = new RunState();
  state.guests.set('g', guest);
  const { recorder } = fakeRecorder(epoch);
  const parts = { plan: planOf(1), state, recorder, view: new FakeView({ ...NO_MEMORY, read: inside.read }) };
  return { inside, guest, ram, parts };
}

it('recomputes the chain of a resumed guest where its pages lie now', async () => {
  const { inside, ram, parts } = bare();
  inside.words(30).fill(0);
  // Its pages before the kexec say nothing about it now.
  parts.state.expected.set('s/1', expectedFile({ ...ram, runs: [] }, { retrieved: ram }));
  const [record] = await judgeGuests(parts, [], 'runs');
  expect(record).toMatchObject({ state: 'corrupt', firstBad: { page: 30 }, chain: { after: { bad: 1 } } });
});

describe('a guest of the old kernel after an update that was called off', () => {
  it('survives where its chain holds, and counts as seen', async () => {
    const { guest, ram, parts } = bare();
    guest.arrival = null;
    parts.state.files.set(ram.name, ram);
    const [record] = await judgeKeptGuests(parts);
    expect(record).toMatchObject({ state: 'survived', session: null, chain: { after: { bad: 0 } }, problems: [] });
    expect(parts.recorder.incidents).toEqual([]);
    expect(parts.recorder.witnesses.report().guest).toMatchObject({ looked: true, counted: 1 });
  });

  it('is corrupt where its chain broke, and stuck where it makes no progress', async () => {
    const { inside, guest, ram, parts } = bare();
    parts.state.files.set(ram.name, ram);
    inside.words(30).fill(0);
    const [broken] = await judgeKeptGuests(parts);
    expect(broken).toMatchObject({ state: 'corrupt', firstBad: { page: 30 } });
    guest.problems.push({ what: 'it does not go on after tick 9', fate: 'stuck' });
    const [stuck] = await judgeKeptGuests(parts);
    expect(stuck?.state).toBe('stuck');
    expect(stuck?.problems).toContain('it does not go on after tick 9');
    expect(parts.recorder.incidents).toMatchObject([
      { title: 'guest is corrupt in the old kernel', implies: 'corrupt', side: 'inside' },
      { title: 'guest is stuck in the old kernel', implies: 'corrupt', side: 'inside' },
    ]);
  });

  it('says nothing about a kernel where it never came up in the first one', async () => {
    const { guest, ram, parts } = bare(0);
    parts.state.files.set(ram.name, ram);
    guest.problems.push({ what: 'it does not go on after tick 0', fate: 'stuck' });
    guest.ticks = 0;
    await judgeKeptGuests(parts);
    guest.ticks = 3;
    await judgeKeptGuests(parts);
    expect(parts.recorder.incidents).toMatchObject([{ implies: 'infra' }, { implies: 'corrupt' }]);
  });

  it('is corrupt where its chain broke, also if it stopped before any update', async () => {
    const { inside, guest, ram, parts } = bare(0);
    parts.state.files.set(ram.name, ram);
    inside.words(30).fill(0);
    guest.problems.push({ what: 'it does not go on after tick 0', fate: 'stuck' });
    guest.ticks = 0;
    await judgeKeptGuests(parts);
    expect(parts.recorder.incidents).toMatchObject([{ implies: 'corrupt' }]);
  });

  it('is left out where the agent does not have it', async () => {
    const { guest, parts } = bare();
    guest.here = false;
    expect(await judgeKeptGuests(parts)).toEqual([]);
  });
});
