// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { judgesLines, judgesOf } from '../../../src/measure/corpus/judges.js';
import type { Entry } from '../../../src/measure/corpus/journal.js';
import type { FollowedFile, FollowedState, HandedOverOfResult } from '../../../src/model/evidence/handed-over.js';

function file(state: FollowedState, pattern: FollowedFile['pattern']): FollowedFile {
  const fates = { arrived: 1, cached: 0, marked: 0, released: 0, changed: 0 };
  return {
    kind: 'file',
    session: 's',
    name: '1',
    handler: '',
    pages: 1,
    ...fates,
    state,
    problems: [],
    pattern,
    before: null,
    after: null,
  };
}

const update = (files: FollowedFile[], more: Partial<HandedOverOfResult> = {}): HandedOverOfResult => ({
  epoch: 1,
  blind: null,
  sessions: 1,
  pages: 9,
  files,
  filesLeftOut: 0,
  ms: 30,
  problems: [],
  ...more,
});

it('the corpus counts the files on which both judges agree, and names those on which they differ', () => {
  const handedOver = [
    update([file('preserved', 'intact'), file('released', 'lost'), file('preserved', 'corrupt')]),
    update([file('corrupt', null), file('unjudged', 'unjudged')]),
    update([], { blind: 'no stop', ms: 0 }),
  ];
  const judges = judgesOf({ handedOver });
  expect(judges).toEqual({ agree: 2, differ: ['s/1: preserved, by its pattern corrupt'], alone: 2, blind: 1, ms: 60 });
  const runs = [
    { name: 'a', judges, runSeconds: 3 },
    { name: 'b', judges: null, runSeconds: 3 },
  ] as Entry[];
  expect(judgesLines(runs)).toEqual([
    'Files with two judges: 3, of which 2 are judged the same; files that only pages judge: 2; ' +
      'runs whose pages were followed: 1 of 2.',
    'Share of a run: median 2.0 %, highest 2.0 %.',
    'a: s/1: preserved, by its pattern corrupt',
  ]);
});
