// SPDX-License-Identifier: Apache-2.0
// Turns the faults of a list, which name a moment, into steps at the right position.
import type { Fault, FaultMoment } from '../../model/scenario/scenario.js';
import type { SourceDocument } from '../source/document.js';
import { faultOf } from '../validate/faults.js';
import type { Problems } from '../source/problems.js';
import type { FaultInput } from '../schema/faults.js';
import { type Draft, succeeds } from '../steps/step-list.js';

interface Placed {
  index: number;
  draft: Draft;
}

/** The index of the fault's step; null if the steps have no such moment. */
function placeOf(drafts: readonly Draft[], at: FaultMoment, update: number): number | null {
  const kexec = drafts.findIndex(({ step }) => step.op === 'kexec' && step.epoch === update - 1 && succeeds(step));
  if (at === 'next-kernel') return kexec < 0 ? null : kexec + 1;
  if (at === 'before-finish') {
    const finish = drafts.findIndex(({ step }) => step.op === 'finish' && step.epoch === update);
    return finish < 0 ? null : finish;
  }
  return kexec < 0 ? null : kexec;
}

/**
 * Inserts the faults into the steps. Faults of the same moment keep their order; those at `jump` are next to the kexec.
 */
export function insertFaults(
  drafts: Draft[],
  faults: readonly FaultInput[],
  kernels: number,
  document: SourceDocument,
  problems: Problems,
): Draft[] {
  const placed: Placed[] = [];
  for (const [number, input] of faults.entries()) {
    const path = ['faults', number];
    const update = input.update ?? kernels - 1;
    const fault: Fault | null = faultOf(input, path, problems);
    if (update > kernels - 1) {
      problems.add([...path, 'update'], `expected at most ${kernels - 1}, the number of updates; found ${update}`);
      continue;
    }
    const index = placeOf(drafts, input.at, update);
    if (index === null) {
      problems.add(
        [...path, 'at'],
        `update ${update} has no ${input.at === 'before-finish' ? 'finish' : 'kexec'}, so it has no moment ${input.at}`,
      );
      continue;
    }
    if (!fault) continue;
    if (fault.kind === 'change' && (input.at === 'next-kernel' || input.at === 'before-finish'))
      fault.side = 'incoming';
    const epoch = update - (input.at === 'before-kexec' || input.at === 'jump' ? 1 : 0);
    const step = {
      op: 'fault' as const,
      at: input.at === 'jump' ? ('jump' as const) : ('now' as const),
      fault,
      epoch,
      errno: null,
      pos: document.place(path),
    };
    placed.push({ index, draft: { step, path } });
  }
  if (placed.length === 0) return drafts;
  // Before a kexec, faults at the jump come last. A fault that is written as a step stays next to the kexec.
  const out = [...drafts];
  const order = placed.toSorted((a, b) => a.index - b.index || Number(isLate(a)) - Number(isLate(b)));
  for (const { index, draft } of order.toReversed()) {
    let position = index;
    while (
      !isLate({ draft }) &&
      position > 0 &&
      isLate({ draft: out[position - 1]! }) &&
      draft.step.epoch === out[position - 1]!.step.epoch
    )
      position -= 1;
    out.splice(position, 0, draft);
  }
  return out;
}

function isLate({ draft }: { draft: Draft }): boolean {
  return draft.step.op === 'fault' && draft.step.at === 'jump';
}
