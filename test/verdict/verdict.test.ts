// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { Incident } from '../../src/model/result/incident.js';
import { OUTCOMES, type Outcome } from '../../src/model/result/outcome.js';
import { ENDS_IN } from '../../src/model/result/outcome.js';
import { decide } from '../../src/verdict/verdict.js';

const incident = (implies: Outcome | null, t = 0): Incident => ({
  source: 'memory',
  side: 'outside',
  implies,
  title: `t${t}`,
  detail: '',
  epoch: 0,
  t,
});

describe('decide', () => {
  it('finds nothing wrong without evidence', () => {
    expect(decide([])).toEqual({ outcome: 'preserved', endsIn: 'none', cause: null });
    expect(decide([incident(null)]).outcome).toBe('preserved');
  });

  it.each(
    OUTCOMES.filter((outcome) => outcome !== 'infra').flatMap((a, i, OUTCOMES) =>
      OUTCOMES.slice(i + 1).map((b) => [a, b] as const),
    ),
  )('puts %s before %s, in either order', (first, second) => {
    expect(decide([incident(first), incident(second)]).outcome).toBe(first);
    expect(decide([incident(second), incident(first)]).outcome).toBe(first);
  });

  it.each(OUTCOMES.filter((outcome) => !['infra', 'refused', 'preserved'].includes(outcome)))(
    'lets a %s stand that was seen before the lab failed, and none that came after',
    (outcome) => {
      expect(decide([incident(outcome), incident('infra')]).outcome).toBe(outcome);
      expect(decide([incident('infra'), incident(outcome)]).outcome).toBe('infra');
    },
  );

  it('drops a good outcome if the lab failed', () => {
    expect(decide([incident('refused'), incident('infra')]).outcome).toBe('infra');
    expect(decide([incident(null), incident('infra')]).outcome).toBe('infra');
  });

  it('prefers a message of the kernel to other evidence for the same outcome', () => {
    const words: Incident = { ...incident('panic', 3), source: 'console' };
    expect(decide([incident('panic', 1), words]).cause).toBe(words);
  });

  it('keeps the first of several equal causes', () => {
    expect(decide([incident('leak', 1), incident('leak', 2)]).cause?.t).toBe(1);
  });

  it('ends in the place that the contract defines', () => {
    expect(ENDS_IN).toEqual({
      infra: 'none',
      panic: 'panic',
      reboot: 'reboot',
      hang: 'reboot',
      corrupt: 'reboot',
      lost: 'reboot',
      leak: 'leak',
      tainted: 'reboot',
      refused: 'none',
      preserved: 'none',
    });
  });
});
