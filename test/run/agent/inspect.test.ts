// SPDX-License-Identifier: Apache-2.0
// What a look from inside finds wrong, memfd and object alike.
import { describe, expect, it } from 'vitest';
import type { FileSpec } from '../../../src/model/scenario/scenario.js';
import { insideProblems } from '../../../src/run/agent/inspect.js';
import type { InsideLook, ObjectLook } from '../../../src/run/state/file.js';

const MEMFD: FileSpec = {
  kind: 'memfd',
  file: 'ram',
  size: 8192,
  seed: 1,
  holes: [],
  huge: false,
  seals: ['grow'],
  position: 5,
};
const OBJECT: FileSpec = {
  kind: 'object',
  file: 'obj',
  size: 8192,
  seed: 1,
  holes: [],
  array: 100,
  state: 7,
  label: 'rack',
};
const carried: ObjectLook = { array: 100, badArray: 0, state: 7, label: 'rack', arrived: 2 };
const look = (more: Partial<InsideLook> = {}): InsideLook => ({
  pages: 2,
  bad: 0,
  firstBad: null,
  size: 8192,
  position: 5,
  seals: ['grow'],
  blocks: 16,
  mode: 0o777,
  access: 'rw',
  object: null,
  ...more,
});

describe('a look from inside', () => {
  it.each<[string, FileSpec, InsideLook | null, string[]]>([
    ['a memfd as it was', MEMFD, look(), []],
    ['no look at all is no proof', MEMFD, null, ['cannot be read from inside']],
    [
      'a page that differs',
      MEMFD,
      look({ bad: 1, firstBad: { page: 1, offset: 8 } }),
      ['1 of 2 pages differ, first page 1 at byte 8'],
    ],
    ['another size', MEMFD, look({ size: 4096 }), ['size 4096, was 8192']],
    ['another position', MEMFD, look({ position: 0 }), ['position 0, was 5']],
    ['seals that are gone', MEMFD, look({ seals: [] }), ['seals [], were [grow]']],
    ['an object as it was', OBJECT, look({ object: carried, seals: [], position: 0 }), []],
    ['an object that does not tell', OBJECT, look({ object: null }), ['the object does not tell its array and state']],
    ['an array that is shorter', OBJECT, look({ object: { ...carried, array: 50 } }), ['array of 50 bytes, had 100']],
    ['an array that differs', OBJECT, look({ object: { ...carried, badArray: 1 } }), ['1 pages of the array differ']],
    ['another state', OBJECT, look({ object: { ...carried, state: 8 } }), ['state 8, was 7']],
    ['a label that is gone', OBJECT, look({ object: { ...carried, label: '' } }), ["label '', was 'rack'"]],
  ])('%s', (_, spec, inside, problems) => expect(insideProblems({ spec, inside })).toEqual(problems));
});
