// SPDX-License-Identifier: Apache-2.0
// Judges the files of an update by comparing what came back with what was handed over: content and metadata from
// inside, every page from outside, every marked page, and the zone counters as a second source for the marks.
import { numberOf } from '../../guest/agent.js';
import { isGuestFile } from '../../model/scenario/guest.js';
import {
  addPages,
  fileSeenInside,
  type FileVerdict,
  guestFile,
  missingFile,
  NO_PAGES,
  returnedFile,
} from '../../oracles/files/file-verdict.js';
import { lookOutside, type ReadPhys } from '../../oracles/files/outside.js';
import { KhopIndex } from '../../oracles/pages/khop.js';
import type { PageProblem } from '../../oracles/pages/page-cache.js';
import type { Pieces } from '../../util/loop/turns.js';
import { inWindow } from '../../util/window.js';
import { MAX_IN_FLIGHT } from '../agent/client.js';
import { checkInside, insideProblems, lookAgain } from '../agent/inspect.js';
import { pagesOfFile } from '../agent/pages-of-file.js';
import type { Needs } from '../engine/parts.js';
import { ownersOfMarked } from '../checkers/owners.js';
import type { MarkedPages } from '../machine/marked-pages.js';
import { reader } from '../machine/view.js';
import type { ExpectedFile } from '../state/file.js';
import { baselineOf } from './outside.js';
import { judgeHandedOver } from './handed-over/judge.js';
import { findSpoiled, lookAtPageStates } from './pages.js';
import type { FileRecord, UpdateRecord } from './records.js';
import { NO_MARKS, recordOracles } from './report-files.js';
import { isRevived, judgeReserved } from './reserved.js';
import { compareCounts, noMarks, noteContent, proveMarks, requireLooks } from './sight.js';

/** The pages that the kernel manages, by its own count: this rises with every page that it takes back. */
export async function managedPages(parts: Needs<'agents'>): Promise<number | null> {
  const reply = await parts.agents.call('zones', {});
  return reply.ok ? numberOf(reply, 'managed') : null;
}

/** Judges an update whose next kernel runs and has a client that can be asked. */
export async function judgeUpdate(
  parts: Needs<'plan' | 'recorder' | 'state' | 'agents' | 'view' | 'machine'>,
  handedOver: MarkedPages | null,
  managedBefore: number | null,
): Promise<UpdateRecord> {
  const { state, view } = parts;
  const expected = [...state.expected.values()];
  requireLooks(parts, expected, state.reserved.length);
  const spoiled = await findSpoiled(parts, expected);
  await lookInside(
    parts,
    expected.filter((file) => !spoiled.has(file)),
  );
  for (const [file, problem] of spoiled) leaveAlone(file, problem);
  const managedAfter = await managedPages(parts);
  const marked = await parts.view.markedPages();
  const returned: FileRecord[] = [];
  for (const file of expected) {
    const verdict = file.closed ?? (await view.scan(fileVerdict(reader(view), file, marked?.index ?? NO_MARKS)));
    returned.push({ kind: file.spec.kind, file, verdict });
  }
  const files = [...returned, ...(await judgeReserved(parts, marked?.index ?? NO_MARKS))];
  const record = recordOf(parts, { files, expected, marked, handedOver });
  recordOracles(parts, record, record.counts.pagesLeaked > 0 ? ownersOfMarked(parts, marked, record.baseline) : []);
  noteContent(parts, files);
  if (handedOver === null || marked === null) noMarks(parts);
  else {
    proveMarks(parts, handedOver, expected);
    const risen = managedBefore === null || managedAfter === null ? null : managedAfter - managedBefore;
    compareCounts(parts, handedOver.total - marked.total, risen);
  }
  await lookAtPageStates(parts, expected, handedOver);
  record.followed = await judgeHandedOver(parts, files, marked);
  return record;
}

/** Skips the inside check of this file, as the kernel would never answer. Its pages are still where they were. */
function leaveAlone({ retrieved, runs }: ExpectedFile, { what, count }: PageProblem): void {
  if (retrieved === null) return;
  Object.assign(retrieved, {
    runs,
    spoiled: `${count} ${count === 1 ? 'page is' : 'pages are'} ${what}; a read of it may never return`,
  });
}

/** The verdict on one file, where the kernel can still be asked. */
function* fileVerdict(read: ReadPhys, file: ExpectedFile, marked: KhopIndex): Pieces<FileVerdict> {
  const { spec, pattern, runs, retrieved, errno } = file;
  if (retrieved === null)
    return yield* missingFile(
      read,
      pattern,
      runs,
      marked,
      errno === null ? 'not retrieved' : `retrieve failed with ${errno}`,
    );
  const hidden = file.hidden !== undefined || retrieved.hidden !== undefined;
  // A guest's own checks are judged with the guest.
  if (isGuestFile(spec) && hidden) return fileSeenInside({ problems: [], badPages: 0, pages: 0 });
  if (isGuestFile(spec))
    return guestFile(retrieved.arrival ?? (yield* lookOutside(read, pattern, runs)), runs, retrieved.runs);
  const problems = retrieved.spoiled === undefined ? insideProblems(retrieved) : [retrieved.spoiled];
  const badPages = retrieved.inside?.bad ?? 0;
  if (hidden) return fileSeenInside({ problems, badPages, pages: retrieved.inside?.pages ?? 0 });
  return yield* returnedFile(read, pattern, runs, retrieved.runs, { problems, badPages });
}

/** Judges files that the scenario is about to close: after that, their pages belong to the allocator. */
export async function judgeBeforeClose(
  parts: Needs<'plan' | 'recorder' | 'state' | 'agents' | 'view'>,
  files: readonly ExpectedFile[],
): Promise<void> {
  const spoiled = await findSpoiled(parts, files);
  await lookInside(
    parts,
    files.filter((file) => !spoiled.has(file)),
  );
  for (const [file, problem] of spoiled) leaveAlone(file, problem);
  // Only the judgement of the whole update knows the orders in which the pages were handed over.
  await lookAtPageStates(parts, files, null);
  for (const file of files) file.closed = await parts.view.scan(fileVerdict(reader(parts.view), file, NO_MARKS));
}

interface Seen {
  files: FileRecord[];
  expected: readonly ExpectedFile[];
  marked: MarkedPages | null;
  handedOver: MarkedPages | null;
}

export function recordOf(
  { machine, recorder, state }: Needs<'recorder' | 'state' | 'machine'>,
  { files, expected, marked, handedOver }: Seen,
): UpdateRecord {
  // A reservation that the kernel did not revive no longer belongs to the handover itself.
  const baseline =
    marked === null
      ? []
      : baselineOf(machine, marked, expected, state).filter(
          ({ what, pfn }) => !what.startsWith('reserve_mem') || isRevived(files, pfn),
        );
  const kept = baseline.reduce((sum, { count }) => sum + count, 0);
  const counts = files.reduce((sum, { verdict }) => addPages(sum, verdict), NO_PAGES);
  return {
    epoch: recorder.epoch,
    files,
    baseline,
    handedOver: handedOver?.total ?? null,
    marked,
    followed: null,
    counts: marked === null ? counts : { ...counts, pagesLeaked: marked.total - kept },
  };
}

/** Checks every file that came back, whether or not the scenario did, and looks up its pages in the running kernel. */
async function lookInside(
  parts: Needs<'plan' | 'recorder' | 'agents'>,
  expected: readonly ExpectedFile[],
): Promise<void> {
  await inWindow(expected, MAX_IN_FLIGHT, async ({ retrieved, spec, closed }) => {
    if (retrieved === null || closed !== undefined) return;
    if (!isGuestFile(spec))
      await (retrieved.inside === null ? checkInside(parts, retrieved, retrieved.name) : lookAgain(parts, retrieved));
    const { runs, hidden } = await pagesOfFile(parts, retrieved.name, spec.size);
    Object.assign(retrieved, { runs, hidden: hidden ?? undefined });
  });
}
