// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { FunctionSymbol } from '../../src/compat/index.js';
import { functionsOfMap, watchedCode } from '../../src/coverage/log/watched-code.js';

const TEXT = 0xffffffff81000000n;

function symbol(name: string, at: number, file: string | null = null): FunctionSymbol {
  return { name, address: TEXT + BigInt(at), size: 0x10, file };
}

const MARKS = [symbol('machine_kexec', 0x8000), symbol('x86_64_start_kernel', 0x9000)];

/** Offsets of the ranges. */
function watched(functions: FunctionSymbol[]): [number, number][] | null {
  const code = watchedCode([...functions, ...MARKS]);
  return code?.ranges.map(({ start, end }) => [start - 0x81000000, end - 0x81000000]) ?? null;
}

describe('the code of live update in a kernel', () => {
  it('is that of its files, whatever a function is called', () => {
    expect(watched([symbol('new_vmalloc_chunk', 0x100, 'kexec_handover.c')])).toEqual([[0x100, 0x110]]);
    expect(watched([symbol('some_helper', 0x100, 'luo_core.c'), symbol('other', 0x200, 'vmscan.c')])).toEqual([
      [0x100, 0x110],
    ]);
  });

  it('has global functions by their name, or their neighbours', () => {
    expect(watched([symbol('kho_restore_page', 0x100), symbol('kexec_load', 0x200)])).toEqual([[0x100, 0x110]]);
    const inside = [symbol('luo_open', 0x100), symbol('is_it', 0x110), symbol('luo_release', 0x120)];
    expect(watched(inside)).toEqual([[0x100, 0x130]]);
    expect(watched([symbol('reserve_mem_kho_revive', 0x100, 'memblock.c')])).toEqual([[0x100, 0x110]]);
  });

  it('does not mistake other functions for it', () => {
    expect(watched([symbol('fluorine', 0x100), symbol('__pfx_kho_init', 0x200), symbol('khop', 0x300)])).toBeNull();
  });

  it('needs the marks between kernels', () => {
    expect(watchedCode([symbol('kho_init', 0x100, 'kexec_handover.c')])).toBeNull();
  });

  it('is found in a System.map alone', () => {
    const map = [
      'ffffffff81000000 T _text',
      'ffffffff81000100 T kho_is_enabled',
      'ffffffff81000110 t __pfx_kho_init',
      'ffffffff81000120 t kho_init',
      'ffffffff81000180 D kho_out',
    ].join('\n');
    expect(watched(functionsOfMap(map))).toEqual([
      [0x100, 0x110],
      [0x120, 0x180],
    ]);
  });
});
