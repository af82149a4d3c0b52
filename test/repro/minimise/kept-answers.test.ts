// SPDX-License-Identifier: Apache-2.0
// A search that was interrupted at any moment continues where it was, and comes to the same end.
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Reproduces } from '../../../src/repro/minimise/minimise.js';
import { KeptAnswers } from '../../../src/repro/minimise/search/kept-answers.js';
import { failsIf, HEAD, hasFile, smallestOf } from './world.js';

let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'lab-test-'))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const TEXT = `${HEAD}sessions: [{name: "vm-{i}", count: 30, files: [{name: "f{i}", memfd: 64KiB, count: 2}]}]\n`;
const open = (question: unknown = 'it', start: 'continue' | 'again' = 'continue') =>
  new KeptAnswers(join(dir, 'answers'), { question, start });
const NO = { holds: false, instead: 'preserved', known: true };

/** Ends the search before the candidate with this number. */
function interruptedAt(count: number, reproduces: Reproduces) {
  const stop = new AbortController();
  let tried = 0;
  const counted: Reproduces = async (candidate, signal) => {
    if (++tried === count) stop.abort(new Error('Ctrl-C'));
    signal.throwIfAborted();
    return reproduces(candidate, signal);
  };
  return { signal: stop.signal, reproduces: counted };
}

describe('kept answers', () => {
  it('a search interrupted at every candidate comes to the same end, and tries none twice', async () => {
    const reproduces = failsIf(hasFile('vm-17/f2'));
    const whole = await smallestOf(TEXT, { reproduces, jobs: 1 });
    let answered = 0;
    for (let interrupts = 0; interrupts < whole.tried; interrupts++) {
      const answers = open();
      await expect(smallestOf(TEXT, { ...interruptedAt(2, reproduces), answers, jobs: 1 })).rejects.toThrow('Ctrl-C');
      answered++;
      expect(open().count).toBe(answered);
      if (answered === whole.tried - 1) break;
    }
    const last = await smallestOf(TEXT, { reproduces, answers: open(), jobs: 1 });
    expect(last.scenario).toBe(whole.scenario);
    expect(last.required).toEqual(whole.required);
    expect(last.tried).toBe(1);
  });

  it('leave no file until there is one', () => {
    open();
    expect(existsSync(join(dir, 'answers'))).toBe(false);
  });

  it('a kill in the middle of a line loses that answer only', () => {
    open().set('a', NO);
    appendFileSync(join(dir, 'answers'), '\n{"digest":"b","hol');
    open().set('c', NO);
    const again = open();
    expect([again.get('a'), again.get('b'), again.get('c')]).toEqual([NO, undefined, NO]);
  });

  it('answers to another question, or that are to be forgotten, are gone', () => {
    open().set('a', NO);
    expect(open('another').count).toBe(0);
    open('another').set('a', NO);
    expect(open('another').count).toBe(1);
    expect(open('another', 'again').count).toBe(0);
    expect(open('another').count).toBe(0);
  });

  it('remember how the original failed, and are removed at the end', () => {
    const failure = { outcome: 'panic', title: 'boom' } as const;
    const original = { seen: 1, runs: 1, failure, all: [{ ...failure, suspects: ['vm'], asExpected: false }] };
    open().setOriginal(original);
    const kept = open();
    expect(kept.original).toEqual(original);
    kept.remove();
    expect(existsSync(join(dir, 'answers'))).toBe(false);
  });

  it('a file that is none of the lab is replaced', () => {
    writeFileSync(join(dir, 'answers'), '\0'.repeat(10));
    open().set('a', NO);
    expect(open().count).toBe(1);
    expect(readFileSync(join(dir, 'answers'), 'utf8')).not.toContain('\0');
  });

  it('a folder that cannot be written to is said so', () => {
    const kept = new KeptAnswers('/proc/self/answers', { question: 'it', start: 'continue' });
    expect(() => kept.set('a', NO)).toThrow(/answers cannot be written/);
  });
});
