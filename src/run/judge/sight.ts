// SPDX-License-Identifier: Apache-2.0
// States which witnesses the judgement of an update needs, and proves that they can see. If the lab looked for marks in
// the wrong place, every count would be zero, and nothing would seem to be leaked.
import { isGuestFile } from '../../model/scenario/guest.js';
import { Pattern } from '../../oracles/files/pattern.js';
import type { Needs } from '../engine/parts.js';
import type { FileRecord } from './records.js';
import type { MarkedPages } from '../machine/marked-pages.js';
import { blindFor } from '../agent/pages-of-file.js';
import type { ExpectedFile } from '../state/file.js';

const MARKS_HINT =
  'src/oracles/pages/khop.ts has the layout of `struct page` and the letters of the mark that the lab looks for: ' +
  'this kernel may use others';

/** Every update needs the marks; an update that carried content also needs the witnesses of content. */
export function requireLooks(
  { recorder: { witnesses, epoch } }: Needs<'recorder'>,
  expected: readonly ExpectedFile[],
  reserved: number,
): void {
  witnesses.require('marks', epoch);
  if (expected.length + reserved > 0) witnesses.require('outside', epoch);
  if (expected.some(({ spec }) => !isGuestFile(spec))) witnesses.require('inside', epoch);
}

/** Notes how many pages each witness of content saw. */
export function noteContent({ recorder: { witnesses, epoch } }: Needs<'recorder'>, files: readonly FileRecord[]): void {
  for (const { kind, file, verdict } of files) {
    const inside = kind === 'reserve_mem' ? undefined : file.retrieved?.inside;
    if (inside !== null && inside !== undefined) witnesses.looked('inside', epoch, inside.pages);
    const hidden = file.hidden ?? file.retrieved?.hidden ?? unreported(file, verdict.look.pages);
    if (hidden === undefined) {
      witnesses.looked('outside', epoch, verdict.look.pages);
      continue;
    }
    const { why, hint } = blindFor(file.name, hidden);
    witnesses.blind('outside', epoch, why, hint);
  }
}

/** Each written page has a physical page. If the kernel reports fewer pages, the rest was not seen. */
function unreported({ spec, pattern, retrieved }: ExpectedFile, seen: number): string | undefined {
  const { pattern: now } = retrieved ?? { pattern };
  if (spec.kind !== 'memfd' || retrieved === null || !(now instanceof Pattern) || seen >= now.pages) return undefined;
  let written = 0;
  for (let page = 0; page < now.pages; page++) if (!now.isHole(page)) written++;
  if (seen >= written) return undefined;
  return seen === 0 ? 'no page at all' : `${seen} pages, and ${written} were written`;
}

/** The kernel's array of pages was not found: nothing that stays behind can be seen. */
export function noMarks({ recorder: { witnesses, epoch } }: Needs<'recorder'>): void {
  witnesses.blind(
    'marks',
    epoch,
    "the kernel's array of pages was not found from outside: leaked pages cannot be seen",
    "give the kernel's System.map beside its image",
  );
}

/**
 * Before anyone asks for a file, each of its pages must be marked. Where none of any file is, the lab looks for the
 * wrong mark. A file that came back although the kernel was not handed all of its pages is a finding.
 */
export function proveMarks(
  parts: Needs<'recorder' | 'state'>,
  handedOver: MarkedPages,
  expected: readonly ExpectedFile[],
): void {
  const { witnesses, epoch } = parts.recorder;
  let pages = 0;
  let marked = 0;
  for (const file of expected) {
    const seen = markedOf(file, handedOver);
    pages += seen.pages;
    marked += seen.marked;
  }
  parts.recorder.event({
    kind: 'oracle',
    oracle: 'marks on arrival',
    side: 'outside',
    ok: marked === pages,
    detail: `${marked} of ${pages} pages of files are marked as handed over`,
  });
  // Each handover has pages of its own.
  if (pages === 0 && handedOver.total === 0 && parts.state.expectedSessions.size > 0) {
    witnesses.blind(
      'marks',
      epoch,
      'sessions were handed over, and no page at all was marked as handed over when the kernel was up',
      MARKS_HINT,
    );
    return;
  }
  if (pages > 0 && marked === 0) {
    witnesses.blind(
      'marks',
      epoch,
      `none of the ${pages} pages of the files was marked as handed over when the kernel was up, ` +
        'so a leaked page would not be seen',
      MARKS_HINT,
    );
    return;
  }
  witnesses.looked('marks', epoch, handedOver.total);
  for (const file of expected) {
    const seen = markedOf(file, handedOver);
    if (file.retrieved === null || seen.marked === seen.pages) continue;
    parts.recorder.incident({
      source: 'memory',
      side: 'outside',
      implies: 'corrupt',
      title: 'a file came back with pages that were not handed over',
      detail:
        `${file.name}: ${seen.pages - seen.marked} of its ${seen.pages} pages were not marked ` +
        'when the kernel was up, so it could have allocated them to anything',
    });
  }
}

function markedOf({ runs }: ExpectedFile, { index }: MarkedPages): { pages: number; marked: number } {
  let pages = 0;
  let marked = 0;
  for (const { pfn, count } of runs) {
    pages += count;
    marked += index.marked(pfn, count);
  }
  return { pages, marked };
}

/** The pages that the kernel took back, by its own count, must be as many as the marks that went away. */
export function compareCounts({ recorder }: Needs<'recorder'>, restored: number, managed: number | null): void {
  const { witnesses, epoch } = recorder;
  const ok = restored === managed;
  recorder.event({
    kind: 'oracle',
    oracle: 'restored pages',
    side: 'inside',
    ok,
    detail:
      managed === null
        ? 'the kernel does not report how many pages it manages'
        : `${restored} pages lost their mark, the kernel's managed pages rose by ${managed}`,
  });
  if (ok) return;
  witnesses.blind(
    'marks',
    epoch,
    managed === null
      ? 'the kernel does not report how many pages it manages, so the marks have no second count'
      : `the two counts of restored pages disagree: outside ${restored} pages lost their mark, ` +
          `inside the managed pages rose by ${managed}`,
    MARKS_HINT,
  );
}
