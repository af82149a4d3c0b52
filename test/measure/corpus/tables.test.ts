// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { Entry } from '../../../src/measure/corpus/journal.js';
import { type Labelled, warmAndColdLines } from '../../../src/measure/corpus/tables.js';

const labelled = ['a', 'b', 'c'].map((name) => ({ name }) as Labelled);

function run(name: string, but: Partial<Entry>): Entry {
  return {
    name,
    digest: '',
    load: 0,
    icount: false,
    start: 'cold',
    rung: null,
    round: 0,
    outcome: 'panic',
    endsIn: 'panic',
    asExpected: true,
    predicted: null,
    hit: null,
    cause: null,
    blind: [],
    judges: null,
    seconds: 4,
    runSeconds: 3,
    ...but,
  };
}

describe('warm and cold runs of a corpus', () => {
  it('are compared where a run started from a snapshot, and a difference is named', () => {
    const lines = warmAndColdLines(labelled, [
      run('a', {}),
      run('a', { start: 'warm', rung: 'jump', seconds: 1 }),
      run('b', {}),
      run('b', { start: 'warm', rung: 'luo', seconds: 1, outcome: 'leak', endsIn: 'leak' }),
      // It boots whatever is asked for, so it shows nothing.
      run('c', {}),
      run('c', { start: 'warm' }),
    ]);
    expect(lines[0]).toBe('Scenarios that ran from snapshots: 2 of 3. Verdicts equal to cold ones: 1 of 2; not: b.');
    expect(lines[1]).toContain('1.0 s warm, 4.0 s cold');
  });
});
