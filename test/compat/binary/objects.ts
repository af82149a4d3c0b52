// SPDX-License-Identifier: Apache-2.0
// Compiles real ELF objects with real debug information.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { mkdirSync } from 'node:fs';
import { temporaryFolder } from '../../util/temporary.js';

/** Compiles C to an object and returns its bytes. The other files are headers, by path. */
export function compileC(
  source: string,
  flags: readonly string[] = ['-gdwarf-5'],
  files: Record<string, string> = {},
): Buffer {
  const dir = temporaryFolder();
  for (const [name, text] of Object.entries({ ...files, 'a.c': source })) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  execFileSync('gcc', ['-c', '-fno-eliminate-unused-debug-types', ...flags, '-I', 'include', '-o', 'a.o', 'a.c'], {
    cwd: dir,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return readFileSync(join(dir, 'a.o'));
}

/** Pseudo-random numbers, the same in every run. */
export function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    // Mulberry32.
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** A small version of the kernel's headers. */
export const ABI_HEADER = `
typedef unsigned long long u64; typedef unsigned int u32;
#define DECLARE_KHOSER_PTR(name, type) union { u64 phys; type ptr; } name
struct kho_vmalloc_chunk;
struct kho_vmalloc {
  DECLARE_KHOSER_PTR(first, struct kho_vmalloc_chunk *);
  unsigned int total_pages; unsigned short flags; unsigned short order;
};
struct memfd_luo_folio_ser { u64 pfn:52; u64 flags:12; u64 index; } __attribute__((packed));
struct memfd_luo_ser {
  u64 pos; u64 size; u32 seals; u32 flags; u64 nr_folios; struct kho_vmalloc folios;
} __attribute__((packed));
struct luo_ser { char compatible[8]; u64 list[]; };
struct plain_thing { int number; enum { ONE } kind; const volatile u32 grid[2][3]; };
`;
