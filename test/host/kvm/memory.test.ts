// SPDX-License-Identifier: Apache-2.0
// Which stored answers about KVM count, and for whom.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  answersFile,
  findAnswer,
  forgetAnswers,
  readAnswers,
  type StoredAnswer,
  storeAnswer,
} from '../../../src/host/kvm/memory.js';
import { temporaryFolder } from '../../util/temporary.js';
import { answerOf, HOST } from './host.js';

const NOW = Date.parse('2026-11-28T12:00:00.000Z');
const DAY = 86_400_000;
const before = (ms: number) => new Date(NOW - ms).toISOString();
const found = (answer: StoredAnswer, on = HOST, asked = NOW) => findAnswer([answer], on, { now: NOW, asked });

describe('an answer', () => {
  it.each(['works', 'refused'] as const)('%s counts for a week', (verdict) => {
    expect(found(answerOf({ verdict, at: before(6.9 * DAY) }))?.verdict).toBe(verdict);
    expect(found(answerOf({ verdict, at: before(7.1 * DAY) }))).toBeNull();
  });

  it.each([
    ['another QEMU', { qemu: '11.1.2' }],
    ['the same QEMU built again', { binary: '/usr/bin/qemu 2 2 2' }],
    ['another kernel of the host', { kernel: '6.12.1' }],
    ['another processor', { cpu: 'EPYC, svm' }],
    ['another host', { host: 'other' }],
  ])('does not count with %s', (_, change) => {
    expect(found(answerOf({}), { ...HOST, ...change })).toBeNull();
  });

  it('from the future does not count: a clock was wrong', () => {
    expect(found(answerOf({ at: before(-DAY) }))).toBeNull();
  });

  it('without a verdict counts only for those who waited for it', () => {
    const unknown = answerOf({ verdict: 'unknown', at: before(1000) });
    expect(found(unknown, HOST, NOW - 2000)).toEqual(unknown);
    expect(found(unknown, HOST, NOW)).toBeNull();
  });
});

describe('the file of answers', () => {
  it.each(['', '{', '[]', '{"answers":[{"verdict":"tcg"}]}', '{"host":{"accel":"tcg","why":"no mark"}}'])(
    'counts as empty if it is damaged or of an older lab: %s',
    (text) => {
      const file = join(temporaryFolder(), 'kvm.json');
      writeFileSync(file, text);
      expect(readAnswers(file)).toEqual([]);
    },
  );

  it('keeps one answer of each host, and forgets all when told to', () => {
    const cache = temporaryFolder();
    const file = answersFile(cache);
    expect(readAnswers(file)).toEqual([]);
    storeAnswer(answersFile(cache, 'breakpoints'), answerOf({}));
    storeAnswer(file, answerOf({ why: 'first' }));
    storeAnswer(file, answerOf({ on: { ...HOST, host: 'other' } }));
    storeAnswer(file, answerOf({ why: 'second', on: { ...HOST, qemu: '11.1.2' } }));
    expect(readAnswers(file).map(({ why, on }) => [on.host, why])).toEqual([
      ['this', 'second'],
      ['other', 'a reason'],
    ]);
    forgetAnswers(cache);
    expect(existsSync(file)).toBe(false);
    expect(existsSync(answersFile(cache, 'breakpoints'))).toBe(false);
    forgetAnswers(cache);
  });
});
