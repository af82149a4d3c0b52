// SPDX-License-Identifier: Apache-2.0
// Candidates side by side: the first in order wins, and no answer is asked for twice.
import { describe, expect, it } from 'vitest';
import { setImmediate as turn } from 'node:timers/promises';
import { type Answer, Candidates, type CandidatesOptions } from '../../../src/repro/minimise/search/candidates.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { LabError } from '../../../src/util/errors.js';

const text = (name: string) => `name: ${name}\nfrom: 7.2.12\nto: 7.3.4\n`;
const YES: Answer = { holds: true, instead: '', known: true };
const NO: Answer = { holds: false, instead: 'preserved', known: true };

function candidates(more: Partial<CandidatesOptions> & Pick<CandidatesOptions, 'reproduces'>) {
  const answers = new Map<string, Answer>();
  const all = new Candidates({
    parse: (yaml) => parseScenario(yaml, 'x.yaml'),
    answers,
    jobs: 2,
    signal: new AbortController().signal,
    deadline: Infinity,
    onTrial: () => undefined,
    ...more,
  });
  return { all, answers };
}

/** Runs that end when they are told to. */
function held() {
  const open = new Map<string, (answer: Answer) => void>();
  const started: string[] = [];
  const aborted: string[] = [];
  const reproduces: CandidatesOptions['reproduces'] = ({ scenario: { name } }, signal) =>
    new Promise((resolve, reject) => {
      started.push(name);
      open.set(name, resolve);
      signal.addEventListener('abort', () => {
        aborted.push(name);
        reject(signal.reason as Error);
      });
    });
  const end = async (name: string, answer: Answer) => {
    open.get(name)?.(answer);
    for (let i = 0; i < 5; i++) await turn();
  };
  return { reproduces, started, aborted, end };
}

describe('several at once', () => {
  it('the first in order wins, also if a later one was faster', async () => {
    const { reproduces, end } = held();
    const { all } = candidates({ reproduces });
    const found = all.first([text('a'), text('b')]);
    await end('b', YES);
    await end('a', YES);
    expect(await found).toBe(0);
  });

  it('a later one that fails ends those after it, and wins if all before it do not', async () => {
    const { reproduces, started, aborted, end } = held();
    const { all } = candidates({ reproduces, jobs: 3 });
    const found = all.first(['a', 'b', 'c', 'd'].map(text));
    await end('b', YES);
    expect(aborted).toEqual(['c']);
    await end('a', NO);
    expect(await found).toBe(1);
    expect(started).toEqual(['a', 'b', 'c']);
  });

  it('no more run at once than are allowed', async () => {
    let [now, most] = [0, 0];
    const { all } = candidates({
      jobs: 3,
      reproduces: async () => {
        most = Math.max(most, ++now);
        await turn();
        now--;
        return NO;
      },
    });
    expect(await all.first(Array.from({ length: 20 }, (_, n) => text(`n${n}`)))).toBeNull();
    expect(most).toBe(3);
    expect(all.tried).toBe(20);
  });

  it('an error ends the others and is thrown once they have ended', async () => {
    const { reproduces, aborted } = held();
    const { all } = candidates({
      reproduces: (candidate, signal) =>
        candidate.scenario.name === 'b' ? Promise.reject(new TypeError('a bug')) : reproduces(candidate, signal),
    });
    await expect(all.first([text('a'), text('b')])).rejects.toThrow('a bug');
    expect(aborted).toEqual(['a']);
  });
});

describe('answers', () => {
  it('are remembered, but one that nobody knows is not kept for a search that continues', async () => {
    const answers: Answer[] = [NO, { holds: false, instead: 'not known: infra', known: false }, YES];
    const { all, answers: kept } = candidates({ reproduces: async () => answers.shift() ?? NO });
    expect(await all.first([text('a')])).toBeNull();
    expect(await all.first([text('a')])).toBeNull();
    expect(all.tried).toBe(1);
    expect(await all.first([text('b')])).toBeNull();
    expect(all.answerOf(text('b'))?.instead).toContain('not known');
    expect(await all.first([text('b')])).toBeNull();
    expect(all.tried).toBe(2);
    expect(kept.size).toBe(1);
  });

  it('a candidate that is no scenario, or cannot run, costs nothing else', async () => {
    const { all, answers } = candidates({ reproduces: () => Promise.reject(new LabError('it needs 8 GiB')) });
    expect(await all.first(['from: [', text('a')])).toBeNull();
    expect(all.refused).toBe(2);
    expect(all.answerOf(text('a'))?.instead).toBe('not a scenario that can run: it needs 8 GiB');
    expect(answers.size).toBe(0);
  });

  it('a full disk is not the fault of a candidate', async () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    const { all } = candidates({ reproduces: () => Promise.reject(new LabError('cannot write', { cause: full })) });
    await expect(all.first([text('a')])).rejects.toThrow('cannot write');
  });
});
