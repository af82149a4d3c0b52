// SPDX-License-Identifier: Apache-2.0
// Holds what came back against what was handed over, once an update is through: content and metadata from inside, every
// page from outside, the marked pages to the page, and the zone counters as a second witness for them.
import { numberOf } from '../../guest/agent.js';
import type { BaselinePage } from '../../oracles/pages/baseline.js';
import { KhopIndex } from '../../oracles/pages/khop.js';
import type { PageProblem } from '../../oracles/pages/page-cache.js';
import { lookOutside, type ReadPhys } from '../../oracles/files/outside.js';
import {
  addPages,
  fateFromInside,
  fateOfGuestFile,
  fateOfMissing,
  fateOfReturned,
  fateUnjudged,
  NO_PAGES,
  type FateOfFile,
  type PageCounts,
} from '../../oracles/files/fate.js';
import { checkInside, insideProblems, lookAgain } from '../agent/inspect.js';
import { inWindow } from '../../util/window.js';
import { WINDOW, type RunContext } from '../engine/context.js';
import { baselineOf, markedPages, reader, type MarkedPages } from './outside.js';
import { findSpoiled, lookAtPageStates } from './pages.js';
import { pagesOfFile } from '../agent/pages-of-file.js';
import { isRevived, judgeReserved } from './reserved.js';
import { compareCounts, noMarks, noteContent, proveMarks, requireLooks } from './sight.js';
import type { CarriedFile } from '../engine/state.js';
import { isGuestFile } from '../../model/scenario/guest.js';
import type { FileSpec } from '../../model/scenario/scenario.js';

export interface FileRecord {
  kind: FileSpec['kind'] | 'reserve_mem';
  file: CarriedFile;
  fate: FateOfFile;
}

export interface UpdateRecord {
  /** The epoch that the update led into. */
  epoch: number;
  files: FileRecord[];
  counts: PageCounts;
  /** Pages, of any kind, that KHO marked before anyone opened /dev/liveupdate; null where it could not be seen. */
  handedOver: number | null;
  /** Those that are still marked at the end. */
  marked: MarkedPages | null;
  baseline: BaselinePage[];
}

/** Pages that the kernel manages: its own count of what it got back. */
export async function managedPages(context: RunContext): Promise<number | null> {
  const reply = await context.agent.request('zones', {}, context.deadlines.request(), context.machine.ended);
  return reply.ok ? numberOf(reply, 'managed') : null;
}

/** Judges an update whose next kernel runs and can be asked. */
export async function judgeUpdate(
  context: RunContext,
  handedOver: MarkedPages | null,
  managedBefore: number | null,
): Promise<UpdateRecord> {
  const { state, machine } = context;
  const carried = [...state.carried.values()];
  requireLooks(context, carried, state.reserved.length);
  const spoiled = await findSpoiled(context, carried);
  await lookInside(
    context,
    carried.filter((file) => !spoiled.has(file)),
  );
  for (const [file, problem] of spoiled) leaveAlone(file, problem);
  const managedAfter = await managedPages(context);
  const marked = await markedPages(context);
  const returned = carried.map((file): FileRecord => ({
    kind: file.spec.kind,
    file,
    fate: file.closed ?? fateOf(reader(machine), file, marked?.index ?? NO_MARKS),
  }));
  const files = [...returned, ...(await judgeReserved(context, marked?.index ?? NO_MARKS))];
  const record = recordOf(context, { files, carried, marked, handedOver });
  recordOracles(context, record);
  noteContent(context, files);
  if (handedOver === null || marked === null) noMarks(context);
  else {
    proveMarks(context, handedOver, carried);
    const risen = managedBefore === null || managedAfter === null ? null : managedAfter - managedBefore;
    compareCounts(context, handedOver.total - marked.total, risen);
  }
  await lookAtPageStates(context, carried, handedOver);
  return record;
}

/** Nobody reads this file from inside: the kernel would never answer. Its pages are where they were. */
function leaveAlone({ retrieved, runs }: CarriedFile, { what, count }: PageProblem): void {
  if (retrieved === null) return;
  Object.assign(retrieved, {
    runs,
    spoiled: `${count} ${count === 1 ? 'page is' : 'pages are'} ${what}; who reads it may wait for ever`,
  });
}

/** What became of a file whose kernel can still be asked. */
function fateOf(read: ReadPhys, file: CarriedFile, marked: KhopIndex): FateOfFile {
  const { spec, pattern, runs, retrieved, errno } = file;
  if (retrieved === null)
    return fateOfMissing(
      read,
      pattern,
      runs,
      marked,
      errno === null ? 'not retrieved' : `retrieve failed with ${errno}`,
    );
  const hidden = file.hidden !== undefined || retrieved.hidden !== undefined;
  // What a guest says of itself is judged with the guest.
  if (isGuestFile(spec) && hidden) return fateFromInside({ problems: [], badPages: 0, pages: 0 });
  if (isGuestFile(spec))
    return fateOfGuestFile(retrieved.arrival ?? lookOutside(read, pattern, runs), runs, retrieved.runs);
  const problems = retrieved.spoiled === undefined ? insideProblems(retrieved) : [retrieved.spoiled];
  const badPages = retrieved.inside?.bad ?? 0;
  if (hidden) return fateFromInside({ problems, badPages, pages: retrieved.inside?.pages ?? 0 });
  return fateOfReturned(read, pattern, runs, retrieved.runs, { problems, badPages });
}

/** The scenario is about to close a file that came back: its pages are the allocator's then, so it is judged now. */
export async function judgeBeforeClose(context: RunContext, files: readonly CarriedFile[]): Promise<void> {
  const spoiled = await findSpoiled(context, files);
  await lookInside(
    context,
    files.filter((file) => !spoiled.has(file)),
  );
  for (const [file, problem] of spoiled) leaveAlone(file, problem);
  // Which orders its pages were handed over in is known to the judgement of the whole update only.
  await lookAtPageStates(context, files, null);
  for (const file of files) file.closed = fateOf(reader(context.machine), file, NO_MARKS);
}

interface Seen {
  files: FileRecord[];
  carried: readonly CarriedFile[];
  marked: MarkedPages | null;
  handedOver: MarkedPages | null;
}

export function recordOf(
  { machine, recorder, state }: RunContext,
  { files, carried, marked, handedOver }: Seen,
): UpdateRecord {
  // A reservation that was not taken up again is no longer the handover's own.
  const baseline =
    marked === null
      ? []
      : baselineOf(machine, marked, carried, state).filter(
          ({ what, pfn }) => !what.startsWith('reserve_mem') || isRevived(files, pfn),
        );
  const kept = baseline.reduce((sum, { count }) => sum + count, 0);
  const counts = files.reduce((sum, { fate }) => addPages(sum, fate), NO_PAGES);
  return {
    epoch: recorder.epoch,
    files,
    baseline,
    handedOver: handedOver?.total ?? null,
    marked,
    counts: marked === null ? counts : { ...counts, pagesLeaked: marked.total - kept },
  };
}

const IMPLIES = { intact: null, unjudged: null, corrupt: 'corrupt', leaked: 'leak', lost: 'lost' } as const;
const NO_MARKS = new KhopIndex([]);

/** An update whose machine has ended: what lies in its memory is written down, and nothing is concluded from it. */
export function recordEnded(context: RunContext, handedOver: MarkedPages | null): UpdateRecord {
  return unjudged(context, context.recorder.epoch, [...context.state.carried.values()], handedOver);
}

/** The same of a kernel that ended before it jumped: of what its sessions held for the next one. */
export function recordHeld(context: RunContext): UpdateRecord {
  return unjudged(context, context.recorder.epoch + 1, context.state.leaving(), null);
}

function unjudged(
  { machine }: RunContext,
  epoch: number,
  carried: readonly CarriedFile[],
  handedOver: MarkedPages | null,
): UpdateRecord {
  const read = reader(machine);
  const files = carried.map((file): FileRecord => ({
    kind: file.spec.kind,
    file,
    fate: file.closed ?? fateUnjudged(read, file.pattern, file.runs),
  }));
  const counts = files.reduce((sum, { fate }) => addPages(sum, fate), NO_PAGES);
  return { epoch, files, counts, handedOver: handedOver?.total ?? null, marked: null, baseline: [] };
}

/** Every file that came back is checked, asked for or not, and its pages are looked up in the kernel that runs now. */
async function lookInside(context: RunContext, carried: readonly CarriedFile[]): Promise<void> {
  await inWindow(carried, WINDOW, async ({ retrieved, spec, closed }) => {
    if (retrieved === null || closed !== undefined) return;
    if (!isGuestFile(spec))
      await (retrieved.inside === null
        ? checkInside(context, retrieved, retrieved.name)
        : lookAgain(context, retrieved));
    const { runs, hidden } = await pagesOfFile(context, retrieved.name, spec.size);
    Object.assign(retrieved, { runs, hidden: hidden ?? undefined });
  });
}

export function recordOracles(context: RunContext, record: UpdateRecord): void {
  const { recorder } = context;
  for (const { kind, file, fate } of record.files) {
    const good = fate.fate === 'intact';
    const pages = `${fate.pagesPreserved} pages`;
    recorder.event({
      kind: 'oracle',
      oracle: `pages of ${file.name}`,
      side: 'outside',
      ok: good,
      detail: good ? pages : `${fate.fate}: ${fate.problems.join('; ')}`,
    });
    if (fate.disagreement !== null) {
      recorder.incident({
        source: 'memory',
        side: 'outside',
        implies: null,
        title: 'inside and outside disagree',
        detail: `${file.name}: ${fate.disagreement}`,
      });
    }
    if (good) continue;
    const away =
      fate.fate === 'lost'
        ? `; ${fate.overwritten} of its pages are overwritten, ${fate.readable} still lie there readable`
        : '';
    recorder.incident({
      source: 'memory',
      side: 'outside',
      implies: IMPLIES[fate.fate],
      title: `${kind} is ${fate.fate}`,
      detail: `${file.name} (${file.session === null ? '' : `session ${file.session}, token ${file.token}, `}${pages}): ${fate.problems.join('; ')}${away}`,
    });
  }
  const { pagesLeaked } = record.counts;
  if (record.marked === null) return;
  const known = record.baseline
    .map(({ pfn, count, what }) => `${what} at 0x${(pfn * 4096).toString(16)}${count > 1 ? ` (${count} pages)` : ''}`)
    .join(', ');
  recorder.event({
    kind: 'oracle',
    oracle: 'leaked pages',
    side: 'outside',
    ok: pagesLeaked === 0,
    detail: `${record.handedOver ?? '?'} pages handed over, ${record.marked.total} still marked, of which the handover's own: ${known || 'none'}`,
  });
  if (pagesLeaked > 0) {
    recorder.incident({
      source: 'memory',
      side: 'outside',
      implies: 'leak',
      title: 'pages leaked',
      detail: `${pagesLeaked} pages are neither restored nor given back`,
    });
  }
}
