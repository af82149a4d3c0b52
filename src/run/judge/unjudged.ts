// SPDX-License-Identifier: Apache-2.0
// An update whose machine has ended: the state of its memory is written down, and nothing is concluded from it.
import { addPages, NO_PAGES, unjudgedFile } from '../../oracles/files/file-verdict.js';
import type { Needs } from '../engine/parts.js';
import type { MarkedPages } from '../machine/marked-pages.js';
import { reader } from '../machine/view.js';
import type { ExpectedFile } from '../state/file.js';
import type { FileRecord, UpdateRecord } from './records.js';

/** An update whose machine has ended: what lies in its memory is written down, and nothing is concluded from it. */
export function recordEnded(parts: Needs<'recorder' | 'state' | 'view'>, handedOver: MarkedPages | null): UpdateRecord {
  return unjudged(parts, parts.recorder.epoch, [...parts.state.expected.values()], handedOver);
}

/** The same of a kernel that ended before it jumped: of what its sessions held for the next one. */
export function recordHeld(parts: Needs<'recorder' | 'state' | 'view'>): UpdateRecord {
  return unjudged(parts, parts.recorder.epoch + 1, parts.state.leaving(), null);
}

function unjudged(
  { view }: Needs<'view'>,
  epoch: number,
  expected: readonly ExpectedFile[],
  handedOver: MarkedPages | null,
): UpdateRecord {
  const read = reader(view);
  const files = expected.map((file): FileRecord => ({
    kind: file.spec.kind,
    file,
    verdict: file.closed ?? unjudgedFile(read, file.pattern, file.runs),
  }));
  const counts = files.reduce((sum, { verdict }) => addPages(sum, verdict), NO_PAGES);
  return { epoch, files, counts, handedOver: handedOver?.total ?? null, marked: null, baseline: [] };
}
