// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { KhopIndex } from '../../../src/oracles/pages/khop.js';
import { PAGE, Pattern } from '../../../src/oracles/files/pattern.js';
import { judgeReserved } from '../../../src/run/judge/reserved.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { fakeAgents, fakeFinding, fakeRecorder, FakeView, NO_MEMORY } from '../../fakes/parts.js';

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

/** A next kernel that reports the reservation at `pfn` and has this text on its console. */
function parts(pfn: number, words: string[], epoch = 1) {
  const state = new RunState();
  state.reserved.push({
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
  });
  const memory = {
    ...NO_MEMORY,
    read: (phys: number, into: Uint8Array) => {
      into.fill(0);
      for (let at = 0; at < into.length; at += PAGE) {
        const page = (phys + at) / PAGE - FIRST;
        if (page >= 0 && page < PAGES) into.set(pattern.page(page), at);
      }
      return true;
    },
  };
  return {
    state,
    recorder: fakeRecorder(1).recorder,
    agents: fakeAgents(() => ({ data: { phys: pfn * PAGE, size: spec.size, from: 'out' } })),
    view: new FakeView(
      memory,
      words.map((text) => fakeFinding(text, epoch)),
    ),
  };
}

const REVIVED = "[    0.1] Revived memory reservation 'log' from KHO";
const marked = new KhopIndex([{ pfn: FIRST, order: 2 }]);

describe('memory reserved by name', () => {
  it.each<[string, ReturnType<typeof parts>, KhopIndex, string]>([
    ['where it was', parts(FIRST, [REVIVED]), marked, 'intact'],
    ['where it was, on a quiet console', parts(FIRST, []), marked, 'intact'],
    ['where it was, by a kernel that marks nothing', parts(FIRST, []), new KhopIndex([]), 'intact'],
    [
      'where it was, but new: memory that was handed over is marked, and this is not',
      parts(FIRST, []),
      new KhopIndex([{ pfn: 900, order: 0 }]),
      'lost',
    ],
    [
      'where it was, not marked, and the kernel says that it revived it',
      parts(FIRST, [REVIVED]),
      new KhopIndex([{ pfn: 900, order: 0 }]),
      'intact',
    ],
    ['a page further', parts(FIRST + 1, []), marked, 'corrupt'],
    ['far away, and the kernel says that it revived it', parts(FIRST + 50, [REVIVED]), marked, 'corrupt'],
    ['far away, reserved again', parts(FIRST + 50, []), marked, 'leaked'],
    ['far away, and only the kernel before said that it revived it', parts(FIRST + 50, [REVIVED], 0), marked, 'leaked'],
    [
      'far away, and the kernel revived another one',
      parts(FIRST + 50, ["Revived memory reservation 'log2' from KHO"]),
      marked,
      'leaked',
    ],
    ['far away, and its old pages were released', parts(FIRST + 50, []), new KhopIndex([]), 'lost'],
  ])('%s', async (_, of, marks, verdict) => {
    const [record] = await judgeReserved(of, marks);
    expect(record?.verdict.state).toBe(verdict);
    if (verdict === 'corrupt') expect(record?.verdict.problems[0]).toMatch(/^revived at 0x[0-9a-f]+, was at 0x64000$/);
  });
});
