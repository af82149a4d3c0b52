// SPDX-License-Identifier: Apache-2.0
// Pages of an IOMMU's tables: free memory under a running device, and pages that were never released.
import { describe, expect, it } from 'vitest';
import type { DeviceTables } from '../../../src/oracles/iommu/index.js';
import { STRUCT_PAGE } from '../../../src/oracles/pages/khop.js';
import { VMEMMAP } from '../../../src/qemu/vmemmap.js';
import { pageState } from '../../../src/oracles/pages/page-state.js';
import {
  freeTablePages,
  leakedTablePages,
  pageStates,
  tableContents,
} from '../../../src/run/devices/iommu/table-pages.js';
import { FakeView } from '../../fakes/parts.js';
import { FakeMemory, PageTables } from '../../qemu/fake-memory.js';

const PAGE = 4096;
const NO_TYPE = 0xffff_ffff;

function struct({ refcount = 1, type = NO_TYPE, head = 0, marked = false }): Buffer {
  const bytes = Buffer.alloc(STRUCT_PAGE);
  bytes.writeUInt32LE(head, 8);
  bytes.writeUInt32LE(type, 48);
  bytes.writeUInt32LE(refcount, 52);
  if (marked) bytes.writeUInt32LE(0x4b48_4f50, 44);
  return bytes;
}

it.each<[string, Parameters<typeof struct>[0], string]>([
  ['somebody has it', {}, 'in-use'],
  ['nobody has it', { refcount: 0 }, 'free'],
  ['head of a free block', { refcount: 0, type: 0xf000_0000 }, 'free'],
  ['a slab has no reference and is in use', { refcount: 0, type: 0xf500_0000 }, 'in-use'],
  ['tail of a large allocation', { refcount: 0, head: 0x1001 }, 'in-use'],
  ['handed over and not restored', { marked: true }, 'handed-over'],
  ['handed over, whatever else it says', { marked: true, refcount: 0 }, 'handed-over'],
])('%s: %s', (_, about, state) => expect(pageState(struct(about))).toBe(state));

/**
 * A machine whose array of `struct page` says `about` of each page of the tables; they lie at 0x100000 and following.
 */
function machine(about: readonly Parameters<typeof struct>[0][]) {
  const memory = new FakeMemory(16 << 20);
  const tables = new PageTables(memory, 0x8000, 0x9000);
  const array = 0x20_0000;
  tables.map(VMEMMAP + BigInt(0x100 * STRUCT_PAGE), array + 0x100 * STRUCT_PAGE);
  const pages = about.map((each, i) => {
    const pfn = 0x100 + i;
    memory.write(array + pfn * STRUCT_PAGE, struct(each));
    memory.write(pfn * PAGE, Buffer.from(`entries of ${i}`));
    return pfn * PAGE;
  });
  const view = new FakeView(memory, [], { cr3: 0x8000n, cr4: 0n, idtBase: 0n, idtLimit: 0 });
  return { memory, pages, view, parts: { view } };
}

const walked = (pages: readonly number[]): DeviceTables => ({
  iommu: 'intel',
  sourceId: 0,
  state: 'translated',
  mode: 'legacy',
  levels: 4,
  domain: 1,
  mappings: [],
  tables: pages.map((phys) => ({ phys, kind: 'second-level', level: 1 })),
  problems: [],
  problemCount: 0,
  complete: true,
});

describe('the pages of tables', () => {
  it('that are free memory', async () => {
    const it = machine([{}, { refcount: 0 }, { marked: true }]);
    expect(freeTablePages(walked(it.pages), await pageStates(it.parts))).toEqual([it.pages[1]]);
  });

  it('of which the array does not tell are not said to be free', async () => {
    const it = machine([{}]);
    expect((await pageStates(it.parts))(0xf00_0000)).toBeNull();
    expect(freeTablePages(walked([0xf00_0000]), await pageStates(it.parts))).toEqual([]);
  });

  it('that were handed over and not given back: marked still, or held by nobody with what they held', async () => {
    const it = machine([{ marked: true }, {}, { refcount: 0 }, {}, {}]);
    const old = tableContents(it.view, walked(it.pages));
    expect(old.size).toBe(5);
    // The fourth is in use for something else by now; the fifth is a table still.
    it.memory.write(it.pages[3]!, Buffer.from('something else'));
    expect(leakedTablePages(it.view, old, new Set([it.pages[4]!]), await pageStates(it.parts))).toEqual([
      it.pages[0],
      it.pages[1],
    ]);
  });

  it('that hold nothing are not remembered: free memory looks like that', () => {
    const it = machine([{}]);
    it.memory.write(it.pages[0]!, Buffer.alloc(PAGE));
    expect(tableContents(it.view, walked(it.pages)).size).toBe(0);
  });
});
