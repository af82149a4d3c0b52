// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { htmlPages, type KernelCode, mergeRuns } from '../../src/coverage/index.js';

const CODE: KernelCode = {
  schema: 1,
  name: '<b>k</b>',
  sha256: 'ab',
  functions: [{ name: 'f', file: 'a.c', start: 0, end: 16 }],
  blocks: [0, 8],
  branches: [[4, 8, 6]],
  files: [
    {
      path: 'kernel/a.c',
      functions: [{ name: 'f', line: 1 }],
      ranges: [
        [2, 0, 8],
        [3, 8, 16],
      ],
    },
  ],
};

const SOURCE = ['int f(void)', '\tif (a < b) "<script>"', '\t\tx();\u202e', '\t/* no code */'];

it('pages show what ran, and run nothing of what they show', () => {
  const [merged] = mergeRuns([
    {
      label: 'one',
      coverage: {
        schema: 1,
        epochs: [
          {
            epoch: 0,
            kernel: { name: '<b>k</b>', sha256: 'ab' },
            blind: '<i>why</i>',
            blocks: [
              [0, 6],
              [6, 2],
            ],
          },
        ],
      },
    },
  ]);
  if (merged === undefined) throw new Error('nothing');
  const pages = htmlPages([{ merged, code: CODE, noLines: null, textOf: () => SOURCE }]);
  expect(pages.map(({ name }) => name)).toEqual(['index.html', '0-kernel-a-c.html']);
  const all = pages.map(({ text }) => text).join('');
  for (const foreign of ['<b>k', '<i>why', '<script>', '\u202e']) expect(all).not.toContain(foreign);
  const [index = '', file = ''] = pages.map(({ text }) => text);
  expect(index).toContain('&lt;i&gt;why&lt;/i&gt;');
  expect(index).toContain('<a href="0-kernel-a-c.html#L1">f</a>');
  expect(index).toContain('1/2');
  expect(file).toContain('<span id="L1" class="">');
  expect(file).toContain('<span id="L2" class="half"><i class="l">2</i><i class="c">1/2</i>        if (a &lt; b)');
  expect(file).toContain('<span id="L3" class="miss">');
  expect(file).toContain('<span id="L4" class="">');
});
