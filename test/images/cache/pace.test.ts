// SPDX-License-Identifier: Apache-2.0
// The expected time of a build is said once: at once if the host's rate is known, else when it has been measured.
import { afterEach, expect, it, vi } from 'vitest';
import { aboutTime, Pace } from '../../../src/images/cache/pace.js';
import { openWorkspace } from '../../../src/images/context.js';
import { temporaryFolder } from '../folder.js';

afterEach(() => vi.useRealTimers());

function host() {
  const notes: string[] = [];
  const onNote = (line: string) => void notes.push(line);
  const context = { cacheDir: temporaryFolder(), signal: new AbortController().signal, onProgress: () => undefined };
  return { notes, work: openWorkspace({ ...context, onNote, store: null }) };
}

it('is measured in a first build and remembered for the next', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const { notes, work } = host();
  const first = new Pace('7.3.4-core', 1000, work);
  vi.advanceTimersByTime(10_000);
  first.step(40);
  expect(notes).toEqual([]);
  vi.advanceTimersByTime(15_000);
  first.step(100);
  first.step(101);
  expect(notes).toEqual(['builds 7.3.4-core: about 4 min on this machine']);
  vi.advanceTimersByTime(225_000);
  first.step(1000);
  first.end();
  const next = new Pace('7.2.12', 2000, work);
  next.step(1);
  expect(notes.slice(1)).toEqual(['builds 7.2.12: about 8 min on this machine']);
});

it('is not remembered from a build that only added to another, and not guessed without a number of steps', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const { notes, work } = host();
  const small = new Pace('k', null, work);
  vi.advanceTimersByTime(60_000);
  small.step(50);
  small.end();
  expect(new Pace('k', 1000, work)).toBeDefined();
  expect(notes).toEqual([]);
});

it('is given in words', () => {
  expect([3, 44, 89, 100, 400].map(aboutTime)).toEqual(['10 s', '40 s', '90 s', '2 min', '7 min']);
});
