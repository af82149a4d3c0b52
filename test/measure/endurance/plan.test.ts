// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { planRound, runsOf, SCENARIOS } from '../../../src/measure/endurance/plan.js';

const rounds = Array.from({ length: 2000 }, (_, number) => planRound(1, number));

describe('the plan of an endurance', () => {
  it('depends on the seed and the number alone', () => {
    expect(rounds.map((_, number) => planRound(1, number))).toEqual(rounds);
    expect(rounds.map((_, number) => planRound(2, number))).not.toEqual(rounds);
  });

  it('holds every kind of trouble', () => {
    expect([...new Set(rounds.map(({ kind }) => kind))].sort()).toEqual([
      'full',
      'interrupted',
      'killed',
      'queue',
      'whole',
    ]);
    const full = rounds.filter((round) => round.kind === 'full');
    expect([...new Set(full.map(({ what }) => what))].sort()).toEqual(['cache', 'results', 'temporary']);
    const queues = rounds.filter((round) => round.kind === 'queue');
    expect(queues.some(({ redis }) => redis.some(({ forgets }) => forgets))).toBe(true);
    expect(queues.some(({ workerKilled }) => workerKilled !== null)).toBe(true);
    expect(queues.some(({ matrixKilled }) => matrixKilled !== null)).toBe(true);
    expect(rounds.some((round) => round.kind === 'interrupted' && round.again !== null)).toBe(true);
  });

  it('kills at moments that cover a whole run', () => {
    const moments = rounds.flatMap((round) => (round.kind === 'killed' ? [round.at] : []));
    for (let tenth = 0; tenth < 11; tenth++)
      expect(moments.filter((at) => at >= tenth / 10 && at < (tenth + 1) / 10).length).toBeGreaterThan(20);
  });

  it('counts each cell of a queue as a run', () => {
    for (const round of rounds) expect(runsOf(round)).toBe(round.kind === 'queue' ? round.scenarios.length : 1);
  });

  it('names scenarios that are there', () => {
    for (const name of SCENARIOS)
      expect(existsSync(join(import.meta.dirname, '../../../scenarios', `${name}.yaml`))).toBe(true);
  });
});
