// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { KhopIndex } from '../../../src/oracles/pages/khop.js';
import { PAGE, Pattern } from '../../../src/oracles/files/pattern.js';
import type { RunContext } from '../../../src/run/engine/context.js';
import { judgeReserved } from '../../../src/run/judge/reserved.js';

const PAGES = 4;
const FIRST = 100;
const spec = {
  kind: 'memfd' as const,
  file: 'log',
  size: PAGES * PAGE,
  seed: 7,
  holes: [],
  huge: false as const,
  seals: [],
  position: 0,
};
const pattern = new Pattern(spec);

/** A next kernel that says the reservation lies at `pfn`, with these words on its console. */
function context(pfn: number, words: string[], epoch = 1): RunContext {
  return {
    agent: {
      request: async () => ({
        ok: true,
        errno: null,
        at: null,
        data: { phys: pfn * PAGE, size: spec.size, from: 'out' },
      }),
    },
    deadlines: { request: () => 1 },
    recorder: { epoch: 1 },
    machine: {
      ended: null,
      findings: words.map((text) => ({ type: 'finding', title: text, severity: 'info', implies: null, text, epoch })),
      memory: {
        read: (phys: number, into: Uint8Array) => {
          into.fill(0);
          for (let at = 0; at < into.length; at += PAGE) {
            const page = (phys + at) / PAGE - FIRST;
            if (page >= 0 && page < PAGES) into.set(pattern.page(page), at);
          }
          return true;
        },
      },
    },
    state: {
      reservedGone: new Set(),
      reserved: [
        {
          name: 'log',
          session: null,
          token: null,
          spec,
          pattern,
          runs: [{ page: 0, pfn: FIRST, count: PAGES }],
          before: null,
          hugeKiB: 0,
          retrieved: null,
          errno: null,
        },
      ],
    },
  } as unknown as RunContext;
}

const REVIVED = "[    0.1] Revived memory reservation 'log' from KHO";
const marked = new KhopIndex([{ pfn: FIRST, order: 2 }]);

describe('memory reserved by name', () => {
  it.each<[string, RunContext, KhopIndex, string]>([
    ['where it was', context(FIRST, [REVIVED]), marked, 'intact'],
    ['where it was, on a console that does not tell', context(FIRST, []), marked, 'intact'],
    ['where it was, by a kernel that marks nothing', context(FIRST, []), new KhopIndex([]), 'intact'],
    [
      'where it was, made anew: what was handed over is marked, and this is not',
      context(FIRST, []),
      new KhopIndex([{ pfn: 900, order: 0 }]),
      'lost',
    ],
    [
      'where it was, not marked, and the kernel says that it is the one',
      context(FIRST, [REVIVED]),
      new KhopIndex([{ pfn: 900, order: 0 }]),
      'intact',
    ],
    ['a page further', context(FIRST + 1, []), marked, 'corrupt'],
    ['far away, and the kernel says that it is the one', context(FIRST + 50, [REVIVED]), marked, 'corrupt'],
    ['far away, made anew', context(FIRST + 50, []), marked, 'leaked'],
    ['far away, and what the kernel before said is of no matter', context(FIRST + 50, [REVIVED], 0), marked, 'leaked'],
    [
      'far away, another one is the one',
      context(FIRST + 50, ["Revived memory reservation 'log2' from KHO"]),
      marked,
      'leaked',
    ],
    ['far away, and its old pages were given back', context(FIRST + 50, []), new KhopIndex([]), 'lost'],
  ])('%s', async (_, of, marks, fate) => {
    const [record] = await judgeReserved(of, marks);
    expect(record?.fate.fate).toBe(fate);
    if (fate === 'corrupt') expect(record?.fate.problems[0]).toMatch(/^taken up at 0x[0-9a-f]+, was at 0x64000$/);
  });
});
