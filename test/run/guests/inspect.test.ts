// SPDX-License-Identifier: Apache-2.0
// Guests seen from outside: what must be unchanged when they arrive, what a device may still write, and blind looks.
import { expect, it } from 'vitest';
import type { ReadPhys } from '../../../src/oracles/files/outside.js';
import { PAGE } from '../../../src/oracles/files/pattern.js';
import { inspectArrival, inspectChain, inspectGuestsBeforeKexec } from '../../../src/run/guests/inspect.js';
import { GuestState } from '../../../src/run/state/guest.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { expectedFile, guestFile, guestSpec } from '../../fakes/guests.js';
import { fakeRecorder, FakeView, NO_MEMORY } from '../../fakes/parts.js';
import { FakeGuest } from '../../oracles/guest/world.js';

const PAGES = 64;
const DEVICE = 0;

/** A bare guest with one device before its kexec. */
function before({ read, kind = 'bare' }: { read?: ReadPhys; kind?: 'bare' | 'linux' } = {}) {
  const inside = new FakeGuest(1, 1, PAGES, 1);
  const spec = guestSpec({ kind, size: PAGES * PAGE, seed: 1, devices: ['e'] });
  const guest = new GuestState(spec);
  const ram = guestFile(spec, 'guest-ram', { runs: inside.runs, before: null });
  const state = new RunState();
  state.guests.set('g', guest);
  state.files.set(ram.name, ram);
  const { recorder, events } = fakeRecorder(0);
  const view = new FakeView({ ...NO_MEMORY, read: read ?? inside.read });
  const parts = { state, recorder, view };
  /** The next kernel runs, and the file came back. */
  const jump = () => {
    recorder.epoch = 1;
    guest.jumped();
    const file = expectedFile(ram);
    state.expected.set('s/1', file);
    return file;
  };
  const oracles = () => events.flatMap((event) => (event.kind === 'oracle' ? [[event.oracle, event.ok]] : []));
  return { inside, guest, ram, parts, jump, oracles };
}

it('finds a page that changed over the kexec and the chain that it breaks', async () => {
  const { inside, guest, parts, jump, oracles } = before();
  await inspectGuestsBeforeKexec(parts);
  expect(guest.now.chain?.bad).toBe(0);
  const file = jump();
  inside.words(40)[700]! ^= 1;
  await inspectArrival(parts);
  expect(file.retrieved?.arrival).toMatchObject({ pages: PAGES, different: 1, first: { page: 40 } });
  expect(guest.arrival).toMatchObject({ bad: 1, first: { page: 40 } });
  expect(oracles()).toEqual([
    ['chain of g before the kexec', true],
    ['pages of g.ram before it is resumed', false],
    ['chain of g after the kexec', false],
  ]);
});

it('accepts the one transfer that the device was doing, and no other', async () => {
  const { inside, parts, jump } = before();
  inside.transfer(DEVICE, 3, { transfer: 4, landed: 3, phase: 2 });
  await inspectGuestsBeforeKexec(parts);
  const landed = jump();
  inside.words(inside.first - 1).set(inside.links.transfer(DEVICE, 4));
  await inspectArrival(parts);
  expect(landed.retrieved?.arrival?.different).toBe(0);
  const other = jump();
  inside.words(inside.first - 1).set(inside.links.transfer(DEVICE, 5));
  await inspectArrival(parts);
  expect(other.retrieved?.arrival?.different).toBe(1);
});

it('accepts no change of the page where no transfer was on its way to memory', async () => {
  const { inside, parts, jump } = before();
  inside.transfer(DEVICE, 3, { transfer: 4, landed: 3, phase: 1 });
  await inspectGuestsBeforeKexec(parts);
  const file = jump();
  inside.words(inside.first - 1).set(inside.links.transfer(DEVICE, 4));
  await inspectArrival(parts);
  expect(file.retrieved?.arrival?.different).toBe(1);
});

it('is blind for the next kernel where pages could not be read before the kexec', async () => {
  const { parts } = before({ read: () => false });
  await inspectGuestsBeforeKexec(parts);
  const { witnesses } = parts.recorder;
  witnesses.require('guest', 0);
  witnesses.looked('guest', 0, 1);
  witnesses.require('guest', 1);
  expect(witnesses.missing()).toMatchObject([
    { witness: 'guest', epoch: 1, why: '64 of 64 pages of g.ram could not be read from outside before the kexec' },
  ]);
});

it('inspects a file once, and none that did not come back', async () => {
  const { inside, guest, parts, jump } = before();
  await inspectGuestsBeforeKexec(parts);
  const file = jump();
  const { retrieved } = file;
  file.retrieved = null;
  await inspectArrival(parts);
  expect(guest.arrival).toBeNull();
  file.retrieved = retrieved;
  await inspectArrival(parts);
  // The guest runs from now on: its changes are its own.
  inside.extend(0, 30);
  await inspectArrival(parts);
  expect(file.retrieved?.arrival?.different).toBe(0);
});

it('leaves out a guest whose file is in no session', async () => {
  const { guest, ram, parts } = before();
  ram.preservedIn = [];
  await inspectGuestsBeforeKexec(parts);
  expect(ram.before).toBeNull();
  expect(guest.now.chain).toBeNull();
});

it('recomputes no chain of a Linux guest, and none of a guest whose pages are not known', async () => {
  const linux = before({ kind: 'linux' });
  await inspectGuestsBeforeKexec(linux.parts);
  expect(linux.ram.before).toMatchObject({ pages: PAGES, different: 0 });
  expect(linux.guest.now.chain).toBeNull();
  const { guest, parts, oracles } = before();
  expect(await inspectChain(parts, guest, [], 'now')).toBeNull();
  expect(oracles()).toEqual([]);
});
