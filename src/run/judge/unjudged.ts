// SPDX-License-Identifier: Apache-2.0
// Records the files of an update whose machine has ended: what is in its memory, without a verdict.
import { addPages, NO_PAGES, unjudgedFile } from '../../oracles/files/file-verdict.js';
import type { Needs } from '../engine/parts.js';
import type { MarkedPages } from '../machine/marked-pages.js';
import { reader } from '../machine/view.js';
import { judgeHandedOver } from './handed-over/judge.js';
import type { ExpectedFile } from '../state/file.js';
import type { FileRecord, UpdateRecord } from './records.js';

/** Records the files that were handed over to the kernel that ended. */
export async function recordEnded(
  parts: Needs<'plan' | 'recorder' | 'state' | 'agents' | 'view'>,
  handedOver: MarkedPages | null,
): Promise<UpdateRecord> {
  const record = await unjudged(parts, parts.recorder.epoch, [...parts.state.expected.values()], handedOver);
  return { ...record, followed: await judgeHandedOver(parts, record.files, null) };
}

/** Records the files that the sessions of a kernel held when it ended before its kexec. */
export function recordHeld(parts: Needs<'recorder' | 'state' | 'view'>): Promise<UpdateRecord> {
  return unjudged(parts, parts.recorder.epoch + 1, parts.state.leaving(), null);
}

async function unjudged(
  { view }: Needs<'view'>,
  epoch: number,
  expected: readonly ExpectedFile[],
  handedOver: MarkedPages | null,
): Promise<UpdateRecord> {
  const read = reader(view);
  const files: FileRecord[] = [];
  for (const file of expected) {
    const verdict = file.closed ?? (await view.scan(unjudgedFile(read, file.pattern, file.runs)));
    files.push({ kind: file.spec.kind, file, verdict });
  }
  const counts = files.reduce((sum, { verdict }) => addPages(sum, verdict), NO_PAGES);
  return { epoch, files, counts, handedOver: handedOver?.total ?? null, marked: null, baseline: [], followed: null };
}
