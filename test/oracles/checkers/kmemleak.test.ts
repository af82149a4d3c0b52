// SPDX-License-Identifier: Apache-2.0
// The list of kmemleak, as kernels write it and as a hostile one might.
import { describe, expect, it } from 'vitest';
import { readKmemleak } from '../../../src/oracles/checkers/kmemleak.js';

const object = (
  address: string,
  size: number,
  caller: string,
): string => `unreferenced object 0x${address} (size ${size}):
  comm "agent", pid 61, jiffies 4294895212
  hex dump (first 32 bytes):
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................
    6b 6b 6b 6b 6b 6b 6b 6b 6b 6b 6b 6b 6b 6b 6b 6b  kkkkkkkkkkkkkkkk
  backtrace (crc 0):
    kmemleak_alloc+0x44/0x80
    __kmalloc_cache_noprof+0x20c/0x2e0
    ${caller}+0x6a/0x120
    luo_session_ioctl+0x9f/0x110
    __x64_sys_ioctl+0x92/0xc0
`;

describe('a list of kmemleak', () => {
  it('that is empty has no objects', () => {
    expect(readKmemleak('')).toEqual({ groups: [], objects: 0, leftOut: 0 });
  });

  it('names the function that wanted the memory, and joins objects of one stack', () => {
    const list = readKmemleak(
      object('ffff888003a1b000', 96, 'luo_session_finish') +
        object('ffff888003a1b060', 96, 'luo_session_finish') +
        object('ffff888003a1c000', 1024, 'memfd_luo_retrieve.isra.0'),
    );
    expect(list).toMatchObject({ objects: 3, leftOut: 0 });
    expect(list?.groups).toMatchObject([
      { where: 'luo_session_finish', objects: 2, bytes: 192 },
      { where: 'memfd_luo_retrieve', objects: 1, bytes: 1024 },
    ]);
    expect(list?.groups[0]?.frames).toEqual([
      'kmemleak_alloc',
      '__kmalloc_cache_noprof',
      'luo_session_finish',
      'luo_session_ioctl',
      '__x64_sys_ioctl',
    ]);
    expect(list?.groups[0]?.text[0]).toBe('unreferenced object 0xffff888003a1b000 (size 96):');
  });

  it('may have addresses before the functions, and objects of each CPU', () => {
    const text =
      'unreferenced object (percpu) 0x607e0000a3c8 (size 8):\n  comm "swapper/0", pid 1, jiffies 42\n' +
      '  hex dump (first 8 bytes on cpu 0):\n    00 00 00 00 00 00 00 00  ........\n  backtrace (crc 0):\n' +
      '    [<ffffffff8123abcd>] pcpu_alloc_noprof+0x5e1/0x9a0\n    [<ffffffff81230000>] kho_init+0x10/0x200 [mod]\n';
    expect(readKmemleak(text)?.groups).toMatchObject([{ where: 'kho_init', objects: 1, bytes: 8 }]);
  });

  it('without a stack has no function', () => {
    expect(readKmemleak('unreferenced object 0x1 (size 8):\n')?.groups).toMatchObject([{ where: null, frames: [] }]);
  });

  it.each(['x', 'unreferenced object\n', `\n${'a'.repeat(100_000)}`, '{}', 'unreferenced object 0xzz (size 8):'])(
    'is not taken for one: %.30j',
    (text) => expect(readKmemleak(text)).toBeNull(),
  );

  it('is bounded: stacks, lines and their length', () => {
    const many = Array.from({ length: 5000 }, (_, i) => object('ffff888003a1b000', 8, `f${i}`)).join('');
    const list = readKmemleak(many);
    expect(list).toMatchObject({ objects: 5000, leftOut: 5000 - 32 });
    expect(list?.groups).toHaveLength(32);
    const long = `unreferenced object 0x1 (size 8):\n${`    f+0x1/0x2\n`.repeat(9000)}${'y'.repeat(100_000)}\n`;
    const [group] = readKmemleak(long)?.groups ?? [];
    expect(group?.frames).toHaveLength(64);
    expect(group?.text.length).toBeLessThanOrEqual(80);
    expect(Math.max(...(group?.text.map(({ length }) => length) ?? []))).toBeLessThanOrEqual(200);
  });
});
