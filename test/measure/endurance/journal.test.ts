// SPDX-License-Identifier: Apache-2.0
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EnduranceJournal, type Entry } from '../../../src/measure/endurance/journal.js';
import { MIN_SAMPLES, slopeOf, summarise } from '../../../src/measure/endurance/summary.js';

const entry = (round: number, more: Partial<Entry> = {}): Entry => ({
  seed: 1,
  round,
  kind: 'whole',
  runs: 1,
  right: 1,
  seconds: 6,
  endedMs: null,
  worker: null,
  problems: [],
  skipped: null,
  ...more,
});

describe('the journal of an endurance', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lab-test-'));
    path = join(folder, 'deep', 'endurance.jsonl');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('continues after what it holds', () => {
    const first = new EnduranceJournal(path, 1);
    expect(first.next).toBe(0);
    first.add(entry(0));
    first.add(entry(1, { runs: 3 }));
    const again = new EnduranceJournal(path, 1);
    expect(again.next).toBe(2);
    expect(again.runs).toBe(4);
  });

  it('runs a round again whose line is incomplete, and writes no line into the rest of it', () => {
    new EnduranceJournal(path, 1).add(entry(0));
    appendFileSync(path, JSON.stringify(entry(1)).slice(0, 30));
    const again = new EnduranceJournal(path, 1);
    expect(again.next).toBe(1);
    again.add(entry(1));
    expect(readFileSync(path, 'utf8').trimEnd().split('\n')).toHaveLength(2);
    expect(new EnduranceJournal(path, 1).next).toBe(2);
  });

  it('keeps seeds apart', () => {
    new EnduranceJournal(path, 1).add(entry(0));
    expect(new EnduranceJournal(path, 2).next).toBe(0);
  });
});

describe('the summary of an endurance', () => {
  const ofWorker = (values: number[]) =>
    summarise(values.map((rssKiB, round) => entry(round, { kind: 'queue', worker: { pid: 7, rssKiB } })));

  it('is good without problems, and says how many runs there were', () => {
    const { good, lines } = summarise([entry(0), entry(1, { kind: 'queue', runs: 3, right: 3 })]);
    expect(good).toBe(true);
    expect(lines.at(-1)).toBe('good: 4 runs in 2 rounds, 0 with problems, 0 growing workers, 0 min');
  });

  it('names each problem', () => {
    const { good, lines } = summarise([entry(0), entry(1, { problems: ['process left: 7 qemu'] })]);
    expect(good).toBe(false);
    expect(lines).toContain('round 1, whole: process left: 7 qemu');
  });

  it('is not good where nothing ran', () => expect(summarise([]).good).toBe(false));

  it('sees a worker that grows, and no growth in one that breathes', () => {
    const count = MIN_SAMPLES + 10;
    expect(ofWorker(Array.from({ length: count }, (_, i) => 90_000 + i * 500)).good).toBe(false);
    expect(ofWorker(Array.from({ length: count }, (_, i) => 90_000 + (i % 3) * 4000)).good).toBe(true);
    expect(slopeOf([1, 3, 5, 7])).toBe(2);
  });
});
