// SPDX-License-Identifier: Apache-2.0
// The client in the machine is gone, and its kernel runs on: nobody can be asked, and what the client held went with
// it. All is judged from outside, page by page.
import { KhopIndex } from '../../oracles/pages/khop.js';
import { fateOfMissing } from '../../oracles/files/fate.js';
import type { RunContext } from '../engine/context.js';
import { setAside } from '../update/handover.js';
import { type FileRecord, recordOf, recordOracles, type UpdateRecord } from './files.js';
import { type MarkedPages, markedPages, reader } from './outside.js';
import type { CarriedFile, RunState } from '../engine/state.js';

/**
 * Nothing of what was handed over has come into the client's hands, and it was about to hand nothing over: its end
 * takes nothing away.
 */
export function heldNothing(state: RunState): boolean {
  const carried = [...state.carried.values()];
  return carried.length > 0 && carried.every(({ retrieved }) => retrieved === null) && state.files.size === 0;
}

/** In the next kernel. */
export async function judgeClientGone(context: RunContext, handedOver: MarkedPages | null): Promise<UpdateRecord> {
  const { state } = context;
  const marked = await markedPages(context);
  const carried = [...state.carried.values()];
  const why = ({ retrieved, errno }: CarriedFile) =>
    retrieved !== null
      ? 'it came back, and is gone with the client that held it'
      : errno === null
        ? 'not retrieved: the client is gone'
        : `retrieve failed with ${errno}`;
  const files = filesOf(context, carried, marked?.index ?? NO_MARKS, why);
  const record = recordOf(context, { files, carried, marked, handedOver });
  recordOracles(context, record);
  return record;
}

/**
 * In the kernel that was about to hand over: what the client's sessions held. Nothing of it may stay set aside for a
 * next kernel.
 */
export async function judgeHeldByGone(context: RunContext): Promise<UpdateRecord> {
  const { state, recorder, machine } = context;
  const carried = state.leaving();
  const files = filesOf(context, carried, NO_MARKS, () => 'its session went with the client that held it');
  const record = recordOf(context, { files, carried, marked: null, handedOver: null });
  recordOracles(context, record);
  const now = machine.ended.aborted ? null : await setAside(context);
  const stays =
    now !== null && 'pages' in now && 'pages' in state.setAsideBefore ? now.pages - state.setAsideBefore.pages : 0;
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
  { machine }: RunContext,
  carried: readonly CarriedFile[],
  marks: KhopIndex,
  why: (file: CarriedFile) => string,
): FileRecord[] {
  return carried.map((file) => ({
    kind: file.spec.kind,
    file,
    fate: file.closed ?? fateOfMissing(reader(machine), file.pattern, file.runs, marks, why(file)),
  }));
}
