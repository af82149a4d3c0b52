// SPDX-License-Identifier: Apache-2.0
// Checks the state of the pages of files that came back, in the page array of the running kernel.
import { isGuestFile } from '../../model/scenario/guest.js';
import { ordersOf, STRUCT_PAGE } from '../../oracles/pages/khop.js';
import {
  goneOf,
  inspectPageCache,
  type PageCacheView,
  type PageProblem,
  type StructOf,
} from '../../oracles/pages/page-cache.js';
import { pageState } from '../../oracles/pages/page-state.js';
import type { MemoryView } from '../../qemu/memory.js';
import { type PageArray, readStructs } from '../../qemu/vmemmap.js';
import type { Pieces } from '../../util/loop/turns.js';
import type { Needs } from '../engine/parts.js';
import type { MarkedPages } from '../machine/marked-pages.js';
import type { ExpectedFile } from '../state/file.js';

const CHUNK = 1024;
const HINT =
  'src/oracles/pages/page-cache.ts has the layout of `struct page` that the lab knows: this kernel may use another';

/** Reads structs in chunks, as callers ask for neighbouring pages. */
export function structsOf(memory: MemoryView, array: PageArray): StructOf {
  const words = new Uint32Array((CHUNK * STRUCT_PAGE) / 4);
  const bytes = new Uint8Array(words.buffer);
  let start = -1;
  const single = new Uint32Array(STRUCT_PAGE / 4);
  return (pfn) => {
    const first = pfn - (pfn % CHUNK);
    if (first !== start) {
      start = readStructs(memory, array, first, bytes) ? first : -1;
      if (start === -1)
        return readStructs(memory, array, pfn, new Uint8Array(single.buffer)) ? { words: single.slice(), at: 0 } : null;
    }
    return { words, at: ((pfn - first) * STRUCT_PAGE) / 4 };
  };
}

/**
 * Drains the per-CPU lists of pages, so that references can be counted.
 * @returns false where the kernel cannot be asked
 */
export async function settlePages({ agents }: Needs<'agents'>): Promise<boolean> {
  return (await agents.call('settle', {})).ok;
}

/** Checks the state of every page of every file that came back. */
export async function lookAtPageStates(
  parts: Needs<'recorder' | 'state' | 'agents' | 'view'>,
  expected: readonly ExpectedFile[],
  handedOver: MarkedPages | null,
): Promise<void> {
  const { recorder, view, state } = parts;
  const { witnesses, epoch } = recorder;
  const returned = expected.filter(
    (file) =>
      file.retrieved !== null &&
      file.closed === undefined &&
      file.retrieved.hidden === undefined &&
      file.retrieved.runs.length > 0,
  );
  if (returned.length === 0) return;
  witnesses.require('page-state', epoch);
  const settled = await settlePages(parts);
  const array = await parts.view.pageArray();
  if (array === null) {
    witnesses.blind(
      'page-state',
      epoch,
      "the kernel's array of pages was not found from outside",
      "give the kernel's System.map beside its image",
    );
    return;
  }
  const orders = ordersOf(handedOver?.found ?? []);
  const structOf = structsOf(view.memory, array);
  const looks: { file: ExpectedFile; look: PageCacheView }[] = [];
  for (const file of returned) {
    const work =
      file.spec.kind === 'object'
        ? lookAtObject(structOf, file)
        : inspectPageCache(structOf, {
            runs: file.retrieved?.runs ?? [],
            orders: file.retrieved?.cut === true ? new Map() : orders,
            isHole: (page) => !isGuestFile(file.spec) && 'isHole' in file.pattern && file.pattern.isHole(page),
            alone:
              settled &&
              !isGuestFile(file.spec) &&
              file.retrieved?.preservedIn.length === 0 &&
              state.devices.size === 0,
          });
    looks.push({ file, look: await view.scan(work) });
  }
  const familiar = looks.reduce((sum, { look }) => sum + look.familiar, 0);
  const pages = looks.reduce((sum, { look }) => sum + look.pages, 0);
  if (familiar === 0) {
    witnesses.blind('page-state', epoch, `none of the ${pages} pages that came back looks like a page of a file`, HINT);
    return;
  }
  witnesses.looked('page-state', epoch, pages);
  for (const { file, look } of looks) report(parts, file, look);
}

/** Checks the pages of a lab object. They are in no page cache, so they only have to be in use. */
function* lookAtObject(structOf: StructOf, { retrieved }: ExpectedFile): Pieces<PageCacheView> {
  const look: PageCacheView = { pages: 0, familiar: 0, problems: [] };
  for (const { page, pfn, count } of retrieved?.runs ?? []) {
    for (let i = 0; i < count; i++) {
      if (++look.pages % CHUNK === 0) yield;
      const it = structOf(pfn + i);
      const state =
        it === null ? null : pageState(Buffer.from(it.words.buffer, it.words.byteOffset + it.at * 4, STRUCT_PAGE));
      if (state === 'in-use') look.familiar++;
      const [known] = look.problems;
      if (state !== 'free') continue;
      if (known !== undefined) known.count++;
      else
        look.problems.push({
          what: 'free although the object has it',
          implies: 'corrupt',
          count: 1,
          first: { page: page + i, pfn: pfn + i },
        });
    }
  }
  return look;
}

function report(
  { recorder }: Needs<'recorder'>,
  { name, spec }: ExpectedFile,
  { pages, problems }: PageCacheView,
): void {
  const texts = problems.map(
    ({ what, count, first }) =>
      `${count} of ${pages} pages ${count === 1 ? 'is' : 'are'} ${what}, ` +
      `first page ${first.page} at pfn 0x${first.pfn.toString(16)}`,
  );
  recorder.event({
    kind: 'oracle',
    oracle: `state of the pages of ${name}`,
    side: 'outside',
    ok: texts.length === 0,
    detail: texts.join('; ') || `${pages} pages`,
  });
  if (texts.length === 0) return;
  const implies = problems.some((problem) => problem.implies === 'corrupt') ? 'corrupt' : 'leak';
  recorder.incident({
    source: 'memory',
    side: 'outside',
    implies,
    title: `pages of a ${spec.kind} are not as the kernel must have them`,
    detail: `${name}: ${texts.join('; ')}`,
  });
}

/**
 * Finds files with a page that the kernel has freed while it is still in their page cache. A read of such a page never
 * returns (filemap_get_entry() in mm/filemap.c), so the file must not be read from inside. This works before the pages
 * of a file are looked up, as a memfd keeps its physical pages over an update.
 */
export async function findSpoiled(
  parts: Needs<'agents' | 'view'>,
  expected: readonly ExpectedFile[],
): Promise<Map<ExpectedFile, PageProblem>> {
  const spoiled = new Map<ExpectedFile, PageProblem>();
  const files = expected.filter(
    ({ spec, retrieved, runs }) => spec.kind !== 'object' && retrieved !== null && runs.length > 0,
  );
  if (files.length === 0) return spoiled;
  // A page in a per-CPU batch becomes free only when the batch is drained.
  await settlePages(parts);
  const array = await parts.view.pageArray();
  if (array === null) return spoiled;
  const structOf = structsOf(parts.view.memory, array);
  for (const file of files) {
    const look = await parts.view.scan(
      inspectPageCache(structOf, { runs: file.runs, orders: new Map(), isHole: () => true, alone: false }),
    );
    const [problem] = goneOf(look);
    if (problem !== undefined) spoiled.set(file, problem);
  }
  return spoiled;
}
