// SPDX-License-Identifier: Apache-2.0
// The client in the machine is gone while its kernel runs on. It cannot be asked any more, and everything that it held
// was released with it. Judges the files from outside, page by page.
import { KhopIndex } from '../../oracles/pages/khop.js';
import { missingFile } from '../../oracles/files/file-verdict.js';
import type { Needs } from '../engine/parts.js';
import { preservedPages } from '../update/handover.js';
import type { FileRecord, UpdateRecord } from './records.js';
import { recordOf } from './files.js';
import { recordOracles } from './report-files.js';
import type { MarkedPages } from '../machine/marked-pages.js';
import { reader } from '../machine/view.js';
import type { ExpectedFile } from '../state/file.js';
import type { RunState } from '../state/run-state.js';

/** True where the client had retrieved nothing and preserved nothing: then its end releases nothing. */
export function heldNothing(state: RunState): boolean {
  const expected = [...state.expected.values()];
  return expected.length > 0 && expected.every(({ retrieved }) => retrieved === null) && state.files.size === 0;
}

/** Judges the files that were handed over to the kernel in which the client died. */
export async function judgeClientGone(
  parts: Needs<'recorder' | 'state' | 'view' | 'machine'>,
  handedOver: MarkedPages | null,
): Promise<UpdateRecord> {
  const { state } = parts;
  const marked = await parts.view.markedPages();
  const expected = [...state.expected.values()];
  const why = ({ retrieved, errno }: ExpectedFile) =>
    retrieved !== null
      ? 'it came back, and was released with the client that held it'
      : errno === null
        ? 'not retrieved: the client is gone'
        : `retrieve failed with ${errno}`;
  const files = await filesOf(parts, expected, marked?.index ?? NO_MARKS, why);
  const record = recordOf(parts, { files, expected, marked, handedOver });
  recordOracles(parts, record);
  return record;
}

/**
 * Judges the files that the client's sessions held for the next kernel. None of their pages may stay set aside in the
 * old kernel.
 */
export async function judgeHeldByGone(
  parts: Needs<'plan' | 'recorder' | 'state' | 'view' | 'machine'>,
): Promise<UpdateRecord> {
  const { state, recorder, view } = parts;
  const expected = state.leaving();
  const files = await filesOf(parts, expected, NO_MARKS, () => 'its session was closed with the client that held it');
  const record = recordOf(parts, { files, expected, marked: null, handedOver: null });
  recordOracles(parts, record);
  const now = view.hasEnded ? null : await preservedPages(parts);
  const stays =
    now !== null && 'pages' in now && 'pages' in state.preservedAtStart ? now.pages - state.preservedAtStart.pages : 0;
  if (stays > 0) {
    recorder.incident({
      source: 'memory',
      side: 'outside',
      implies: 'leak',
      title: 'pages stay set aside in the old kernel',
      detail: `${stays} pages are still preserved for the next kernel, although the client that held them is gone`,
    });
  }
  return { ...record, epoch: recorder.epoch + 1 };
}

const NO_MARKS = new KhopIndex([]);

async function filesOf(
  { view }: Needs<'view'>,
  expected: readonly ExpectedFile[],
  marks: KhopIndex,
  why: (file: ExpectedFile) => string,
): Promise<FileRecord[]> {
  const records: FileRecord[] = [];
  for (const file of expected) {
    const missing = () => view.scan(missingFile(reader(view), file.pattern, file.runs, marks, why(file)));
    records.push({ kind: file.spec.kind, file, verdict: file.closed ?? (await missing()) });
  }
  return records;
}
