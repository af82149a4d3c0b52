// SPDX-License-Identifier: Apache-2.0
// What PAGE_OWNER writes, as kernels write it and as a hostile one might.
import { describe, expect, it } from 'vitest';
import { grownStacks, groupOwners, readOwner, readStacks } from '../../../src/oracles/checkers/page-owner.js';

const RECORD = `Page allocated via order 0, mask 0xcc0(GFP_KERNEL), pid 61, tgid 61 (agent), ts 1529461234 ns
PFN 0x3a1b type Unmovable Block 29 type Unmovable Flags 0x100000000000000(node=0|zone=1)
 post_alloc_hook+0x14a/0x160
 get_page_from_freelist+0x2d1/0x1210
 __alloc_frozen_pages_noprof+0x142/0x2f0
 alloc_pages_mpol+0x8e/0x160
 luo_session_finish+0x5a/0x1c0
 luo_session_ioctl+0x9f/0x110

`;
const stack = (name: string, pages: number, word = 'nr_base_pages') =>
  ` post_alloc_hook+0x14a/0x160\n __alloc_pages_noprof+0x142/0x2f0\n ${name}+0x1/0x20\n${word}: ${pages}\n\n`;

describe('the record of a page', () => {
  it('names the function that wanted it', () => {
    const owner = readOwner(RECORD);
    expect(owner?.where).toBe('luo_session_finish');
    expect(owner?.frames).toHaveLength(6);
  });

  it('of a page that was taken before PAGE_OWNER began names nobody', () => {
    const early = RECORD.replace('luo_session_finish', 'init_page_owner');
    expect(readOwner(early)).toEqual({ where: null, frames: [] });
  });

  it.each(['', 'PFN 0x1', 'x'.repeat(100_000), `\n${RECORD}`])('is none: %.20j', (text) =>
    expect(readOwner(text)).toBeNull(),
  );

  it('is bounded', () => {
    expect(readOwner(`Page allocated via order 0, mask 0x0\n${' f+0x1/0x2\n'.repeat(100_000)}`)?.frames).toHaveLength(
      64,
    );
  });
});

describe('pages by stack', () => {
  it('are counted, and compared with an earlier count', () => {
    const before = readStacks(stack('shmem_alloc_folio', 1000) + stack('seen', 20));
    const after = readStacks(stack('shmem_alloc_folio', 1010) + stack('seen', 20) + stack('luo_session_finish', 512));
    expect(grownStacks(before, after, 16)).toMatchObject([{ where: 'luo_session_finish', pages: 512 }]);
    expect(grownStacks(before, after, 8).map(({ pages }) => pages)).toEqual([512, 10]);
  });

  it('are read in the words of older kernels, too', () => {
    expect([...readStacks(stack('f', 7, 'stack_count')).values()]).toEqual([7]);
  });

  it.each(['', 'nr_base_pages: 5\n', 'nr_base_pages: 99999999999999999\n', ' f+0x1/0x2\nnr_base_pages: -1\n'])(
    'are none in %j',
    (text) => expect(readStacks(text).size).toBe(0),
  );

  it('are bounded', () => {
    const many = Array.from({ length: 20_000 }, (_, i) => stack(`f${i}`, 16)).join('');
    expect(readStacks(many).size).toBe(8192);
    const deep = readStacks(`${' f+0x1/0x2\n'.repeat(100_000)}nr_base_pages: 16\n`);
    expect([...deep.keys()][0]?.split('\n')).toHaveLength(64);
  });
});

it('joins owners of one stack, the largest first', () => {
  const [a, b] = [readOwner(RECORD), readOwner(RECORD.replace('luo_session_finish', 'other'))];
  expect(a).not.toBeNull();
  expect(groupOwners([b, a, a].filter((owner) => owner !== null))).toMatchObject([
    { where: 'luo_session_finish', pages: 2 },
    { where: 'other', pages: 1 },
  ]);
});
