// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { checkChain, Snapshot } from '../../../src/oracles/guest/index.js';
import { inspectOutside } from '../../../src/oracles/files/outside.js';
import { atOnce } from '../../../src/util/loop/turns.js';
import { FakeGuest } from './world.js';

const check = (...given: Parameters<typeof checkChain>) => atOnce(checkChain(...given));
const look = (guest: FakeGuest) => check(guest.read, guest.runs, guest);
/** One vCPU: its share is pages 15 to 63, 49 pages. */
const made = (links = 60) => {
  const guest = new FakeGuest(42, 1, 64);
  guest.extend(0, links);
  return guest;
};

describe('the chain of the bare guest, recomputed from outside', () => {
  it.each([0, 1, 20, 49, 60, 200])('is accepted after %i more links', (links) => {
    const found = look(made(links));
    expect(found).toMatchObject({ pages: 62, bad: 0, first: null, ticks: 9, links: 49 + links });
  });

  it('is accepted with several vCPUs that each have a share', () => {
    const guest = new FakeGuest(7, 3, 100);
    guest.extend(1, 40);
    guest.extend(2, 5);
    expect(look(guest)).toMatchObject({ bad: 0, links: 83 + 45 });
  });

  it.each([
    [0, false],
    [3, false],
    [500, false],
    [1024, false],
    [1024, true],
  ] as const)('holds while a page is in work (%i words, head written: %s)', (words, head) => {
    const guest = made();
    guest.stopWithin(0, words, { headWritten: head });
    expect(look(guest).first).toBeNull();
  });

  it('finds a lost page', () => {
    const guest = made();
    guest.words(30).fill(0);
    expect(look(guest)).toMatchObject({ bad: 1, first: { page: 30 } });
  });

  it('finds a stale page', () => {
    const guest = made(0);
    const stale = guest.words(16).slice();
    guest.extend(0, 60);
    guest.words(16).set(stale);
    expect(look(guest)).toMatchObject({ bad: 1, first: { page: 16 } });
  });

  it('finds a page of another guest, and one of its own in another place', () => {
    const [guest, other] = [made(), new FakeGuest(43, 1, 64)];
    other.extend(0, 60);
    guest.words(40).set(other.words(40));
    guest.words(50).set(guest.words(51));
    expect(look(guest)).toMatchObject({ bad: 2, first: { page: 40 } });
  });

  it.each([0, 4, 6, 8, 1023])('finds a flipped bit in word %i', (word) => {
    const guest = made();
    guest.words(33)[word]! ^= 0x8000;
    expect(look(guest).first?.page).toBe(33);
  });

  it('finds that a wrong page was overwritten, although that page is gone', () => {
    const guest = made(0);
    guest.words(20)[700]! ^= 1;
    guest.extend(0, 20);
    const found = look(guest);
    expect(found.bad).toBe(1);
    expect(found.first).toMatchObject({
      page: 20,
      what: 'the head of link 55 does not follow from the page that it wrote over',
    });
  });

  it.each([1, 7, 12, 13])('finds a change of page %i, which must never change', (page) => {
    const guest = made();
    guest.words(page)[5]! ^= 2;
    expect(look(guest).bad).toBeGreaterThan(0);
  });

  it('rejects a control page of another guest, and a page that is not a control page', () => {
    expect(check(made().read, made().runs, { seed: 41, vcpus: 1, devices: 0, pages: 64 }).first).toMatchObject({
      page: 0,
      what: 'its control page says seed 42, it was made with 41',
    });
    const guest = made();
    guest.words(0).fill(0);
    expect(look(guest).first).toMatchObject({ page: 0, what: 'page 0 is not its control page' });
    const wild = made();
    new DataView(wild.memory.buffer).setBigUint64(0x110, 2n ** 60n, true);
    expect(look(wild).bad).toBeGreaterThan(0);
  });

  it('finds missing pages', () => {
    const guest = made();
    expect(
      check(
        guest.read,
        guest.runs.filter(({ page }) => page !== 45),
        guest,
      ),
    ).toMatchObject({ bad: 1, first: { page: 45, what: 'the page is not there' } });
  });
});

describe('a device of the guest', () => {
  const withTwo = () => {
    const guest = new FakeGuest(42, 2, 100, 2);
    guest.extend(0, 60);
    return guest;
  };

  it('has pages that are not part of the chain', () => {
    expect(look(withTwo())).toMatchObject({ pages: 100 - 16 - 4 + 13, bad: 0 });
    expect(check(withTwo().read, withTwo().runs, { seed: 42, vcpus: 2, devices: 1, pages: 100 }).first?.what).toBe(
      'its control page says devices 2, it was made with 1',
    );
  });

  it.each([
    ['the last that the guest found right', 7, { transfer: 7, landed: 7 }],
    ['the one before that in work', 6, { transfer: 7, landed: 6, phase: 1 }],
    ['the one in work, landed', 7, { transfer: 7, landed: 6, phase: 2 }],
    ['one that was given up', 5, { transfer: 7, landed: 4 }],
    ['none yet', 0, { transfer: 1, landed: 0, phase: 2 }],
  ])('has brought back %s', (_, page, said) => {
    const guest = withTwo();
    guest.transfer(1, page, said);
    expect(look(guest).first).toBeNull();
  });

  it.each([
    ['an older one', 5, { transfer: 7, landed: 6 }],
    ['one that was never begun', 8, { transfer: 7, landed: 6 }],
    ['nothing, though one was found right', 0, { transfer: 7, landed: 6 }],
  ])('is found to have brought back %s', (_, page, said) => {
    const guest = withTwo();
    const landing = guest.transfer(1, page, said);
    expect(look(guest)).toMatchObject({ bad: 1, first: { page: landing } });
  });

  it("is found to have brought back another device's transfer, or another word", () => {
    const foreign = withTwo();
    const landing = foreign.transfer(0, 3, { transfer: 3, landed: 3 });
    foreign.words(landing).set(foreign.links.transfer(1, 3));
    expect(look(foreign).first?.page).toBe(landing);
    const changed = withTwo();
    changed.words(changed.transfer(0, 3, { transfer: 3, landed: 3 }))[700]! ^= 1;
    expect(look(changed).first?.page).toBe(landing);
  });

  it('may write its own page, and no other, while the guest is paused', () => {
    const guest = withTwo();
    const landing = guest.transfer(0, 3, { transfer: 4, landed: 3, phase: 2 });
    const snapshot = new Snapshot();
    atOnce(snapshot.take(guest.read, guest.runs));
    snapshot.allow(landing, guest.links.transfer(0, 4));
    const differing = () => inspectOutside(guest.read, snapshot, guest.runs).differentRuns;
    expect(differing()).toEqual([]);
    guest.words(landing).set(guest.links.transfer(0, 4));
    expect(differing()).toEqual([]);
    guest.words(landing).set(guest.links.transfer(0, 5));
    guest.words(landing + 1).set(guest.links.transfer(0, 4));
    expect(differing()).toEqual([{ page: landing, count: 2 }]);
  });
});
