// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { diffNights } from '../../../src/report/night/diff.js';
import { diffRuns } from '../../../src/report/text/diff-runs.js';
import { diffText } from '../../../src/report/text/diff.js';
import { EVIL, nightOf } from '../night.js';
import { incident, resultOf } from '../result.js';

const changesOf = (before: Parameters<typeof nightOf>[0], after: Parameters<typeof nightOf>[0]) =>
  diffNights(nightOf(before), nightOf(after)).changes.map(({ kind, before: was, after: now }) => [
    kind,
    (now ?? was)?.scenario.replace(/.*\/|\.yaml/g, ''),
  ]);

describe('from one night to the next', () => {
  it.each([
    ['preserved', 'panic', 'new'],
    ['preserved', 'preserved', null],
    ['panic', 'preserved', 'fixed'],
    ['panic', 'panic', null],
    ['panic', 'lost', 'changed'],
    ['panic:A', 'panic:B', 'changed'],
    ['panic:A', 'panic:A', null],
    ['preserved', 'infra', 'unknown'],
    ['infra', 'preserved', null],
    ['infra', 'panic', 'new'],
    ['infra', 'infra', null],
    ['preserved', null, 'unknown'],
    [null, 'panic', 'new'],
    [null, null, null],
  ])('%s, then %s is %s', (before, after, kind) => {
    expect(changesOf({ a: [before] }, { a: [after] })).toEqual(kind === null ? [] : [[kind, 'a']]);
  });

  it('repeats that begin to disagree are flaky, and never an average', () => {
    expect(changesOf({ a: ['preserved', 'preserved'] }, { a: ['preserved', 'panic'] })).toEqual([['flaky', 'a']]);
    expect(changesOf({ a: ['preserved', 'panic'] }, { a: ['preserved', 'panic'] })).toEqual([]);
    expect(changesOf({ a: ['preserved', 'panic'] }, { a: ['preserved', 'preserved'] })).toEqual([['fixed', 'a']]);
  });

  it('pair results come and go, and the worst news come first', () => {
    expect(
      changesOf({ a: ['panic'], b: ['preserved'], c: ['panic'] }, { c: ['preserved'], b: ['lost'], d: ['preserved'] }),
    ).toEqual([
      ['new', 'b'],
      ['fixed', 'c'],
      ['added', 'd'],
      ['gone', 'a'],
    ]);
  });

  it('is told in words, whatever is in them', () => {
    const [before, after] = [
      nightOf({ a: ['preserved'], b: ['panic'] }),
      nightOf({ a: [`lost:${EVIL}`], b: ['preserved'] }),
    ];
    const text = diffText(before, after, diffNights(before, after), {});
    expect(text).toContain('1 new, 1 fixed, 0 unchanged');
    expect(text).toContain('7.2.12 -> 7.3.4  a  preserved -> lost');
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});

describe('two runs', () => {
  it('of the same do not differ', () =>
    expect(diffRuns(resultOf('preserved'), resultOf('preserved', { durations: { total: 1 }, id: 'other' }))).toEqual(
      [],
    ));
  it('differ in what they are judged by', () => {
    const differences = diffRuns(resultOf('preserved'), resultOf('lost', { cause: incident('lost', { title: 'T' }) }));
    expect(differences.map(({ what }) => what)).toEqual(expect.arrayContaining(['outcome', 'ends in', 'cause']));
    expect(differences.find(({ what }) => what === 'cause')).toEqual({ what: 'cause', before: '-', after: 'T' });
  });
});
