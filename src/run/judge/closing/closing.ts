// SPDX-License-Identifier: Apache-2.0
// The end of a run that was good so far: closes everything, and checks that each page that was handed over is then free
// or reused. A page that is in use and still has its old content was restored and never released.
import { createHash } from 'node:crypto';
import { NO_HANDLE } from '../../../guest/agent.js';
import { isGuestFile } from '../../../model/scenario/guest.js';
import { STRUCT_PAGE } from '../../../oracles/pages/khop.js';
import { PageRanges } from '../../../oracles/pages/page-ranges.js';
import { pageState } from '../../../oracles/pages/page-state.js';
import { PAGE, type Pattern } from '../../../oracles/files/pattern.js';
import type { MemoryView } from '../../../qemu/memory.js';
import type { PageArray } from '../../../qemu/vmemmap.js';
import type { Pieces } from '../../../util/loop/turns.js';
import type { Needs } from '../../engine/parts.js';
import { ownersOf } from '../../checkers/owners.js';
import { compareMemory } from './free-memory.js';
import type { Arrival } from '../ledger.js';
import type { MarkedPages } from '../../machine/marked-pages.js';
import { type MachineView, reader } from '../../machine/view.js';
import { settlePages, structsOf } from '../pages.js';
import type { ExpectedFile } from '../../state/file.js';
import type { RunState } from '../../state/run-state.js';

/** Maximum number of the handover's own pages that are checked: 1 GiB. */
const MAX_OTHERS = 2 ** 18;
/** It may take a moment until released pages are free. */
const LOOKS = 4;
const ZEROES = Buffer.alloc(PAGE);
/** Pages that are looked at without a turn of the loop. */
const PAGES_OF_PIECE = 1024;
/** Words of a `struct page` (src/oracles/pages/page-state.ts). */
const [COMPOUND, TYPE, REFCOUNT] = [2, 12, 13];
const NO_TYPE = 0xffff_ffff;

/** The parts of a run that `contentOfOthers` needs. */
export interface Marked {
  view: { memory: Pick<MemoryView, 'ranges' | 'read'> };
  state: Pick<RunState, 'expected' | 'reserved'>;
}

/**
 * Digests of the marked pages that belong to no file, by page frame. Pages of zeroes are left out: they could not be
 * recognised later.
 */
export function* contentOfOthers(
  { view, state }: Marked,
  { index }: Pick<MarkedPages, 'index'>,
): Pieces<Map<number, string>> {
  const own = new PageRanges([...state.expected.values(), ...state.reserved].flatMap(({ runs }) => runs)).ranges;
  let next = 0;
  const others = new Map<number, string>();
  const page = Buffer.alloc(PAGE);
  // Marks may overlap, and may point beyond the end of memory.
  const last = Math.max(...view.memory.ranges.map(({ end }) => end)) / PAGE;
  for (const { start, end } of index.ranges) {
    for (let at = start; at < Math.min(end, last) && others.size < MAX_OTHERS;) {
      const range = own[next];
      if (range !== undefined && range.end <= at) next++;
      else if (range !== undefined && range.start <= at) at = range.end;
      else {
        if (view.memory.read(at * PAGE, page) && !page.equals(ZEROES)) others.set(at, digest(page));
        if (++at % PAGES_OF_PIECE === 0) yield;
      }
    }
    yield;
  }
  return others;
}

function digest(page: Buffer): string {
  return createHash('sha1').update(page).digest('base64');
}

/**
 * True where closing everything proves something and does no harm: there are no guests and no devices, and no
 * breakpoint lets a user look at the machine afterwards.
 */
export function mayClose({ breakpoints, state }: Needs<'state' | 'breakpoints'>): boolean {
  return !breakpoints.wanted && state.guests.size === 0 && state.devices.size === 0 && state.expected.size > 0;
}

/** Closes everything in the last kernel and checks which pages become free. */
export async function closeAndInspect(
  parts: Needs<'plan' | 'recorder' | 'state' | 'agents' | 'user' | 'view'>,
  arrival: Arrival | null,
): Promise<void> {
  const { recorder, state } = parts;
  const files = [...state.expected.values()].filter(
    (file) => file.retrieved !== null && file.retrieved.hidden === undefined && !isGuestFile(file.spec),
  );
  await closeAll(parts);
  let kept: Kept = { files: new Map(), firsts: [], others: [], pages: 0 };
  for (let look = 0; look < LOOKS; look++) {
    await settlePages(parts);
    const array = await parts.view.pageArray();
    if (array === null) {
      recorder.witnesses.blind(
        'page-state',
        recorder.epoch,
        "the kernel's array of pages was not found after everything was closed",
      );
      return;
    }
    const others = arrival?.handedOver?.others ?? new Map<number, string>();
    kept = await parts.view.scan(stillKept(parts.view, array, files, others));
    if (kept.files.size === 0 && kept.others.length === 0) break;
  }
  const problems = [...kept.files].map(([{ name }, count]) => `${name}: ${count} pages`);
  if (kept.others.length > 0)
    problems.push(
      `${kept.others.length} other pages that were handed over with the files, ` +
        `first at 0x${((kept.others[0] ?? 0) * PAGE).toString(16)}`,
    );
  recorder.event({
    kind: 'oracle',
    oracle: 'pages once everything is closed',
    side: 'outside',
    ok: problems.length === 0,
    detail: problems.join('; ') || `${kept.pages} pages are free or reused`,
  });
  if (problems.length > 0) {
    recorder.incident({
      source: 'memory',
      side: 'outside',
      implies: 'leak',
      title: 'pages never released',
      detail: [
        `still in use with their old content after everything was closed: ${problems.join('; ')}`,
        ...(await ownersOf(parts, [...kept.firsts, ...kept.others])),
      ].join('\n'),
    });
  }
  await compareMemory(parts, arrival);
}

async function closeAll(parts: Needs<'recorder' | 'state' | 'agents' | 'user'>): Promise<void> {
  const { agents, recorder, state } = parts;
  await parts.user.endOthers();
  const bytes = [...state.expected.values()].reduce((sum, { spec }) => sum + spec.size, 0);
  const close = (args: Record<string, string>) => agents.call('close', args, { bytes: bytes });
  for (const session of state.sessions.keys()) {
    const { ok, errno, at } = await close({ session });
    // A session that was closed with its client has no handle here.
    if (ok || errno === NO_HANDLE) continue;
    recorder.incident({
      source: 'agent',
      side: 'inside',
      implies: 'lost',
      title: 'a session cannot be closed',
      detail: `${session}: close failed with ${errno}${at === null ? '' : ` (${at})`} at the end of the run`,
    });
  }
  for (const file of state.files.keys()) await close({ file });
  await close({});
  state.sessions.clear();
  state.files.clear();
}

/** The pages that are neither free nor changed, and how many were looked at. */
interface Kept {
  files: Map<ExpectedFile, number>;
  /** The first such page of each file. */
  firsts: number[];
  others: number[];
  pages: number;
}

function* stillKept(
  view: MachineView,
  array: PageArray,
  files: readonly ExpectedFile[],
  others: ReadonlyMap<number, string>,
): Pieces<Kept> {
  const structOf = structsOf(view.memory, array);
  const read = reader(view);
  const page = Buffer.alloc(PAGE);
  const words = new Uint32Array(page.buffer, page.byteOffset, PAGE / 4);
  const inUse = (pfn: number): boolean => {
    const it = structOf(pfn);
    // A fast path: millions of pages may be checked, and most are free.
    if (
      it === null ||
      ((it.words[it.at + REFCOUNT] as number) === 0 &&
        ((it.words[it.at + COMPOUND] as number) & 1) === 0 &&
        (it.words[it.at + TYPE] as number) === NO_TYPE)
    )
      return false;
    return pageState(Buffer.from(it.words.buffer, it.words.byteOffset + it.at * 4, STRUCT_PAGE)) === 'in-use';
  };
  const kept: Kept = { files: new Map(), firsts: [], others: [], pages: 0 };
  for (const file of files) {
    const pattern = file.pattern as Pattern;
    for (const run of file.retrieved?.runs ?? []) {
      for (let i = 0; i < run.count; i++) {
        if (++kept.pages % PAGES_OF_PIECE === 0) yield;
        const holds = () =>
          !pattern.isHole(run.page + i) &&
          read((run.pfn + i) * PAGE, page) &&
          pattern.compare(run.page + i, words, 0) < 0;
        if (!inUse(run.pfn + i) || !holds()) continue;
        if (!kept.files.has(file)) kept.firsts.push(run.pfn + i);
        kept.files.set(file, (kept.files.get(file) ?? 0) + 1);
      }
    }
  }
  for (const [pfn, held] of others) {
    if (++kept.pages % PAGES_OF_PIECE === 0) yield;
    if (inUse(pfn) && read(pfn * PAGE, page) && digest(page) === held) kept.others.push(pfn);
  }
  return kept;
}
