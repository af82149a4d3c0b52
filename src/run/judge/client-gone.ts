// SPDX-License-Identifier: Apache-2.0
// The client in the machine is gone, and its kernel runs on: nobody can be asked, and what the client held went with
// it. All is judged from outside, page by page.
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

/**
 * Nothing of what was handed over has come into the client's hands, and it was about to hand nothing over: its end
 * takes nothing away.
 */
export function heldNothing(state: RunState): boolean {
  const expected = [...state.expected.values()];
  return expected.length > 0 && expected.every(({ retrieved }) => retrieved === null) && state.files.size === 0;
}

/** In the next kernel. */
export async function judgeClientGone(
  parts: Needs<'recorder' | 'state' | 'view' | 'machine'>,
  handedOver: MarkedPages | null,
): Promise<UpdateRecord> {
  const { state } = parts;
  const marked = await parts.view.markedPages();
  const expected = [...state.expected.values()];
  const why = ({ retrieved, errno }: ExpectedFile) =>
    retrieved !== null
      ? 'it came back, and is gone with the client that held it'
      : errno === null
        ? 'not retrieved: the client is gone'
        : `retrieve failed with ${errno}`;
  const files = filesOf(parts, expected, marked?.index ?? NO_MARKS, why);
  const record = recordOf(parts, { files, expected, marked, handedOver });
  recordOracles(parts, record);
  return record;
}

/**
 * In the kernel that was about to hand over: what the client's sessions held. Nothing of it may stay set aside for a
 * next kernel.
 */
export async function judgeHeldByGone(
  parts: Needs<'plan' | 'recorder' | 'state' | 'view' | 'machine'>,
): Promise<UpdateRecord> {
  const { state, recorder, view } = parts;
  const expected = state.leaving();
  const files = filesOf(parts, expected, NO_MARKS, () => 'its session went with the client that held it');
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
      detail: `${stays} pages are still preserved for a next kernel, although the client that had them is gone`,
    });
  }
  return { ...record, epoch: recorder.epoch + 1 };
}

const NO_MARKS = new KhopIndex([]);

function filesOf(
  { view }: Needs<'view'>,
  expected: readonly ExpectedFile[],
  marks: KhopIndex,
  why: (file: ExpectedFile) => string,
): FileRecord[] {
  return expected.map((file) => ({
    kind: file.spec.kind,
    file,
    verdict: file.closed ?? missingFile(reader(view), file.pattern, file.runs, marks, why(file)),
  }));
}
