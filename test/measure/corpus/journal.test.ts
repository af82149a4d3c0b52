// SPDX-License-Identifier: Apache-2.0
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CorpusJournal, digestOf, type Entry } from '../../../src/measure/corpus/journal.js';

const RUN: Entry = {
  name: 'mismatch/a.yaml',
  digest: digestOf('text'),
  load: 4,
  icount: false,
  start: 'warm',
  rung: 'jump',
  round: 0,
  outcome: 'lost',
  endsIn: 'reboot',
  asExpected: true,
  predicted: null,
  hit: null,
  cause: null,
  blind: [],
  judges: null,
  seconds: 5,
  runSeconds: 4,
};

describe('the journal of a corpus', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'corpus-test-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const journal = () => new CorpusJournal(join(dir, 'new', 'corpus.jsonl'));

  it('knows after an interruption what was run, and what was not', () => {
    journal().add(RUN);
    const again = journal();
    expect(again.has(RUN)).toBe(true);
    for (const other of [
      { round: 1 },
      { load: 0 },
      { icount: true },
      { start: 'cold' as const },
      { digest: digestOf('changed') },
      { name: 'mismatch/b.yaml' },
    ]) {
      expect(again.has({ ...RUN, ...other })).toBe(false);
    }
  });

  it('passes over a line that was cut off, and goes on behind it', () => {
    journal().add(RUN);
    appendFileSync(join(dir, 'new', 'corpus.jsonl'), '{"name":"mismatch/b.ya\n');
    journal().add({ ...RUN, round: 1 });
    expect(journal().of(new Map([[RUN.name, RUN.digest]]), RUN)).toHaveLength(2);
  });

  it('counts runs of the scenarios as they are now, under the conditions asked for', () => {
    const one = journal();
    one.add(RUN);
    expect(one.of(new Map([[RUN.name, RUN.digest]]), RUN)).toEqual([RUN]);
    expect(one.of(new Map([[RUN.name, digestOf('changed')]]), RUN)).toEqual([]);
    expect(one.of(new Map([[RUN.name, RUN.digest]]), { ...RUN, icount: true })).toEqual([]);
  });

  it('begins again where it is told to', () => {
    const one = journal();
    one.add(RUN);
    one.forget();
    expect(one.has(RUN)).toBe(false);
    expect(journal().has(RUN)).toBe(false);
  });
});
