// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { FollowedFile, HandedOverOfResult } from '../../src/model/evidence/handed-over.js';
import { handedOverText } from '../../src/report/text/evidence/handed-over.js';

const file = (more: Partial<FollowedFile>): FollowedFile => ({
  kind: 'file',
  session: 's',
  name: '26',
  handler: 'memfd-v2',
  pages: 2,
  arrived: 2,
  cached: 0,
  marked: 0,
  released: 2,
  changed: 0,
  state: 'released',
  problems: [],
  pattern: null,
  before: null,
  after: null,
  ...more,
});
const update = (more: Partial<HandedOverOfResult>): HandedOverOfResult => ({
  epoch: 1,
  blind: null,
  sessions: 1,
  pages: 15,
  files: [],
  filesLeftOut: 0,
  ms: 5,
  problems: [],
  ...more,
});

it('the terminal shows each file that was handed over, where its pages are, and whether a pattern is known', () => {
  const files = [
    file({}),
    file({ name: '1', cached: 2, released: 0, state: 'preserved', pattern: 'intact' }),
    file({ kind: 'others', session: null, name: 'pages that no list names', handler: '' }),
  ];
  expect(handedOverText([update({ files })])).toEqual([
    '',
    '  followed  epoch 1: 15 pages handed over, 2 files in 1 session (0.0 s)',
    '    released  s/26           memfd-v2  2 pages: 2 arrived as they were, 2 given back, no pattern known',
    '    preserved s/1            memfd-v2  2 pages: 2 arrived as they were, 2 in one file',
    '    released  pages that no list names  2 pages: 2 arrived as they were, 2 given back',
  ]);
});

it('the terminal shows what the inode of a file of somebody else says, and a position that has moved', () => {
  const before = { mode: 0o100600, size: 8192, seals: 3, position: 5 };
  const lines = handedOverText([update({ files: [file({ before, after: { ...before, position: 0 } })] })]);
  expect(lines.at(-1)).toContain('no pattern known, 8192 bytes, 0600, seals seal shrink, position 0 (was 5)');
});

it('what the machine says is no escape sequence for the terminal, and there is a limit to it', () => {
  const files = Array.from({ length: 20 }, (_, i) => file({ session: `\u001b[31m${i}` }));
  const lines = handedOverText([update({ files, filesLeftOut: 100 })]);
  expect(lines).toHaveLength(2 + 8 + 1);
  expect(lines.join('\n')).not.toContain('\u001b');
  expect(lines.at(-1)).toBe('    and 112 more');
});

it('says why nothing was followed', () =>
  expect(handedOverText([update({ blind: 'the machine did not stop at the jump' })])).toEqual([
    '',
    '  followed  epoch 1: nothing, because the machine did not stop at the jump',
  ]));
