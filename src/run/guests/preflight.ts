// SPDX-License-Identifier: Apache-2.0
// `policy: check` for guests: while they still run, compares the version that each guest's state needs with the
// versions that the next agent reads.
import { neededState, writtenState } from '../../compat/index.js';
import type { Mismatch } from '../../model/kernel/component.js';
import type { Needs } from '../engine/parts.js';
import { statGuest } from './calls.js';

export async function findGuestIncompatibilities(
  parts: Needs<'plan' | 'recorder' | 'state' | 'agents'>,
): Promise<Mismatch[]> {
  const {
    plan: { scenario },
    recorder,
    state,
  } = parts;
  const mismatches: Mismatch[] = [];
  for (const step of scenario.steps) {
    if (step.op !== 'guest-restore' || step.epoch !== recorder.epoch + 1 || step.reads === null) continue;
    const guest = state.guests.get(step.guest);
    if (guest === undefined) continue;
    const save = scenario.steps.find(
      (each) => each.op === 'guest-save' && each.epoch === recorder.epoch && each.guest === step.guest,
    );
    const needs = (await statGuest(parts, step.guest))?.needs ?? neededState(guest.spec);
    const wrote = Math.max(
      needs,
      writtenState(save?.op === 'guest-save' ? save.version : null, step.reads, scenario.policy),
    );
    recorder.event({
      kind: 'oracle',
      oracle: `version of the state of ${step.guest}`,
      side: 'inside',
      ok: step.reads.includes(wrote),
      detail: `needs ${needs}, would be written in ${wrote}; the next agent reads ${step.reads.join(', ')}`,
    });
    if (!step.reads.includes(wrote))
      mismatches.push({
        component: 'guest-state',
        wrote,
        reads: [...step.reads],
        endsIn: 'reboot',
        source: 'run',
        detail: `${step.guest} needs version ${needs}: the next agent could not restore it`,
      });
  }
  return mismatches;
}
