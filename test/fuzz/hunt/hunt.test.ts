// SPDX-License-Identifier: Apache-2.0
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { FindingStore } from '../../../src/fuzz/findings/store.js';
import { Corpus } from '../../../src/fuzz/hunt/corpus.js';
import { horizonOf } from '../../../src/fuzz/hunt/inputs.js';
import { hunt, type HuntOptions } from '../../../src/fuzz/hunt/hunt.js';
import { Journal } from '../../../src/fuzz/hunt/journal.js';
import { Monotony } from '../../../src/fuzz/hunt/monotony.js';
import type { Execution, Executor, Generator, Input } from '../../../src/fuzz/input.js';
import type { Random } from '../../../src/util/random.js';
import { parseScenario } from '../../../src/scenario/index.js';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
function folderOf(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hunt-test-'));
  folders.push(folder);
  return folder;
}

function input(n: number): Input {
  const text = `description: input ${n}\nfrom: 7.3.4\nto: 7.3.4\nsessions: []\nexpect: preserved\n`;
  return { generator: 'calls', text, scenario: parseScenario(text, 'x.yaml'), versionsValid: true };
}
const generator: Generator = {
  name: 'calls',
  fresh: (random: Random) => input(random.below(1000)),
  mutate: (_, random) => input(1000 + random.below(1000)),
};

/** Fails to run, as a host does, for every input; what an input does on a machine is not the hunt's business. */
class Failing implements Executor {
  readonly texts: string[] = [];
  execute({ text }: Input): Promise<never> {
    this.texts.push(text);
    return Promise.reject(new Error('no machine'));
  }
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/** Every input reaches something new, and some take longer than others. */
class Reaching implements Executor {
  readonly texts: string[] = [];
  async execute({ text }: Input): Promise<Execution> {
    this.texts.push(text);
    const n = Number(/input (\d+)/.exec(text)?.[1]);
    for (let turn = 0; turn < n % 7; turn++) await Promise.resolve();
    const ending = { outcome: 'preserved' as const, cause: null, incidents: [] };
    return { ending, blocks: new Map([[1, new Set([n])]]), rung: 'booted', ms: 1 };
  }
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

function options(folder: string, executor: Executor): HuntOptions {
  return {
    sources: [{ generator, share: 1 }],
    executors: new Map([['calls', executor]]),
    seed: 7,
    jobs: 1,
    time: 60_000,
    executions: 5,
    journal: new Journal(join(folder, 'journal.jsonl'), 'q'),
    corpus: new Corpus(join(folder, 'corpus'), { maxBytes: 1e6, maxEntries: 10, rule: null }),
    findings: new FindingStore(join(folder, 'findings')),
    confirm: (finding) => Promise.resolve(finding),
    signal: new AbortController().signal,
  };
}

describe('a hunt', () => {
  it('makes the same inputs with the same seed, whatever the number of jobs', async () => {
    const texts = await Promise.all(
      [1, 4].map(async (jobs) => {
        const executor = new Failing();
        await hunt({ ...options(folderOf(), executor), jobs });
        return [...new Set(executor.texts)].sort();
      }),
    );
    expect(texts[0]).toHaveLength(5);
    expect(texts[1]).toEqual(texts[0]);
  });

  it('makes the same inputs on many machines while the corpus grows', async () => {
    const runs = await Promise.all(
      [1, 4, 16].map(async (jobs) => {
        const executor = new Reaching();
        await hunt({ ...options(folderOf(), executor), executions: 200, jobs });
        return executor.texts.toSorted();
      }),
    );
    expect(runs[0]?.some((text) => /input 1\d\d\d/.test(text))).toBe(true);
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[2]).toEqual(runs[0]);
  });

  it('tries a failure of the lab once more, and stops after ten in a row', async () => {
    const executor = new Failing();
    const end = await hunt({ ...options(folderOf(), executor), executions: 100 });
    expect(end).toMatchObject({ kind: 'stopped', infra: true });
    expect(executor.texts).toHaveLength(20);
  });

  it('continues behind the last whole line, wherever a kill has cut the journal', async () => {
    const folder = folderOf();
    const path = join(folder, 'journal.jsonl');
    const whole = new Failing();
    await hunt(options(folder, whole));
    const text = readFileSync(path, 'utf8');
    const lines = text.trimEnd().split('\n');
    for (let cut = (lines[0] ?? '').length + 1; cut <= text.length; cut += 7) {
      writeFileSync(path, text.slice(0, cut));
      const again = new Failing();
      await hunt(options(folder, again));
      const kept = text.slice(0, cut).split('\n').length - 2;
      expect(again.texts).toEqual(whole.texts.slice(2 * kept));
    }
  });

  it('refuses the journal of another hunt', () => {
    const path = join(folderOf(), 'journal.jsonl');
    expect(new Journal(path, 'a').totals.next).toBe(0);
    expect(() => new Journal(path, 'b')).toThrow('another seed');
    appendFileSync(path, '{"i":0');
    expect(new Journal(path, 'a').totals.next).toBe(0);
  });
});

describe('the journal', () => {
  it('keeps what was reached over time across starts, bounded, and where machines started', () => {
    const path = join(folderOf(), 'journal.jsonl');
    const line = (i: number) =>
      ({
        i,
        generator: 'bytes',
        kind: 'allowed',
        outcome: 'lost',
        rung: 'open',
        ms: 1,
        at: i * 1000,
        reached: i,
      }) as const;
    const whole = new Journal(path, 'q');
    for (let i = 0; i < 3000; i++) whole.add(line(i));
    const path2 = join(folderOf(), 'journal.jsonl');
    for (let i = 0; i < 3000; i += 500) {
      const part = new Journal(path2, 'q');
      for (let k = i; k < i + 500; k++) part.add(line(k));
    }
    const again = new Journal(path2, 'q').totals;
    expect(again).toEqual(whole.totals);
    expect(again.curve.length).toBeLessThan(500);
    expect(again.curve.at(-1)).toEqual({ at: 2_999_000, executions: 3000, reached: 2999 });
    expect(again.rungs).toEqual({ open: 3000 });
    expect(again.spent['open']).toBeGreaterThan(0);
    expect(again.hours).toEqual([3000]);
  });

  it('counts executions by hour', () => {
    const journal = new Journal(join(folderOf(), 'journal.jsonl'), 'q');
    const rest = { generator: 'calls', kind: 'allowed', outcome: 'lost', rung: null, ms: 1, reached: 1 } as const;
    [1, 2, 3_600_001, 10_800_000].forEach((at, i) => journal.add({ i, at, ...rest }));
    expect(journal.totals.hours).toEqual([2, 1, 0, 1]);
  });
});

describe('the corpus', () => {
  it('keeps what reaches something new, across processes, and drops what others cover', () => {
    const folder = folderOf();
    const limits = { maxBytes: 1e6, maxEntries: 10, rule: null };
    const corpus = new Corpus(folder, limits);
    expect(corpus.admit(0, input(0), ['a', 'b'])).toBe(2);
    expect(corpus.admit(1, input(1), ['b'])).toBe(0);
    expect(corpus.admit(2, input(2), ['a', 'b', 'c'])).toBe(1);
    corpus.reduce();
    expect(corpus.list.map(({ index }) => index)).toEqual([2]);
    expect(new Corpus(folder, limits).list.map(({ index }) => index)).toEqual([2]);
  });

  it('is bounded in entries', () => {
    const corpus = new Corpus(folderOf(), { maxBytes: 1e6, maxEntries: 3, rule: null });
    for (let i = 0; i < 9; i++) corpus.admit(i, input(i), [`f${i}`]);
    corpus.reduce();
    expect(corpus.list).toHaveLength(3);
  });
});

describe('stopping', () => {
  it('names a kernel that fails on everything', () => {
    const monotony = new Monotony();
    const answers = Array.from({ length: 50 }, () =>
      monotony.after({ kind: 'finding', outcome: 'hang', title: 'no sign of life' }),
    );
    expect(answers.slice(0, 49).every((each) => each === null)).toBe(true);
    expect(answers[49]).toContain('hang: no sign of life');
  });

  it('lets an input see a corpus that is complete', () => {
    expect([0, 63, 64, 127, 128, 200].map(horizonOf)).toEqual([0, 0, 0, 0, 64, 128]);
  });
});
