// SPDX-License-Identifier: Apache-2.0
// A short round of `npm run fuzz:parsers`, always with the same inputs, and every input that a long round found.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LabError } from '../../src/util/errors.js';
import { cpuMs, feed, feedRound, inputOf, MAX_MS, maxMsHere } from './run.js';
import type { Target } from './target.js';
import { TARGETS } from './targets/index.js';

const INPUTS = 20_000;
const FINDINGS = join(import.meta.dirname, 'findings');
/** Milliseconds; the host may be busy. */
const MAX_TEST = 300_000;
const weights = TARGETS.reduce((sum, { weight }) => sum + weight, 0);

describe('parsers of foreign input', () => {
  it.each(TARGETS.map((target) => [target.name, target] as const))(
    '%s',
    async (_, target) => {
      const count = Math.ceil((INPUTS * target.weight) / weights);
      const { findings, inputs } = await feedRound(target, {
        seed: 20261128,
        from: 0,
        count,
        maxMs: await maxMsHere(),
      });
      expect(findings.map(({ kind, detail, input }) => `${kind}: ${detail}\n${input.toString('latin1')}`)).toEqual([]);
      expect(inputs).toBe(count);
    },
    MAX_TEST,
  );

  // `TARGET--what`: an input that once was a finding of this target.
  it.each(readdirSync(FINDINGS).sort())('finding %s', async (file) => {
    const target = TARGETS.find(({ name }) => file.startsWith(`${name}--`));
    if (target === undefined) throw new Error(`${file} names no target`);
    const input = readFileSync(join(FINDINGS, file));
    expect((await feed(target, input)).kind).not.toBe('crash');
    expect(await cpuMs(target, input)).toBeLessThan(await maxMsHere());
  });
});

describe('the rules of fuzzing', () => {
  const target = (parse: Target['parse']): Target => ({
    name: 'test',
    seeds: () => [Buffer.from('seed')],
    mutate: (_seed, random) => Buffer.from(Array.from({ length: 8 }, () => 97 + random.below(26))),
    maxBytes: 100,
    parse,
    weight: 1,
  });
  const round = { seed: 1, from: 0, count: 300 };
  const letter = (input: Buffer, of: string) => input.toString('latin1').includes(of);

  it('a refusal is no finding', async () => {
    const refuses = target((input) => {
      if (letter(input, 'q')) throw new LabError('no');
    });
    const { findings, accepted } = await feedRound(refuses, round);
    expect(findings).toEqual([]);
    expect(accepted).toBeLessThan(300);
  });

  it('a crash is found once, and made as small as it can be', async () => {
    const crashes = target((input) => {
      if (letter(input, 'q')) throw new TypeError('x is not a function');
    });
    const { findings } = await feedRound(crashes, round);
    expect(findings.map(({ kind, input }) => [kind, input.toString()])).toEqual([['crash', 'q']]);
  });

  it('a rejected promise is a crash, too', async () => {
    const { findings } = await feedRound(
      target((input) => (letter(input, 'q') ? Promise.reject(new RangeError('no')) : Promise.resolve())),
      round,
    );
    expect(findings.map(({ kind }) => kind)).toEqual(['crash']);
  });

  it('slow is what uses the processor for long, not what waits', async () => {
    const burn = (ms: number) => {
      const before = process.threadCpuUsage();
      for (;;) {
        const { user, system } = process.threadCpuUsage(before);
        if (user + system > ms * 1000) return;
      }
    };
    const slow = target((input) => {
      if (letter(input, 'qq')) burn(MAX_MS + 20);
    });
    const { findings } = await feedRound(slow, { ...round, count: 1000 });
    expect(findings.map(({ kind, input }) => [kind, input.toString()])).toEqual([['slow', 'qq']]);
  });

  it('the same seed and number give the same input', () => {
    for (const each of TARGETS.slice(0, 12)) {
      const seeds = each.seeds();
      expect(inputOf(each, seeds, 1, 7)).toEqual(inputOf(each, seeds, 1, 7));
    }
  });
});
