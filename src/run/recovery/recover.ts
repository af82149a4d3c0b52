// SPDX-License-Identifier: Apache-2.0
// Recovers a host that an update left impaired: by a reboot, or by one more update that keeps the surviving guests.
// Measures what the recovery gives back; the verdict on the failed update stays as it is.
import type { GuestOfResult, RecoveryOfResult } from '../../model/result/guest-result.js';
import type { Recovery } from '../../model/scenario/scenario.js';
import { MAX_LEAKED, pagesOf } from '../../oracles/pages/leaked.js';
import { messageOf } from '../../util/errors.js';
import { attemptsOf, type PlannedAttempt } from '../engine/attempts.js';
import { ownOperations } from '../engine/operation.js';
import type { Needs, Parts } from '../engine/parts.js';
import { planOneMore } from '../engine/plan.js';
import { failureOf } from '../engine/failure.js';
import { pauseGuests } from '../guests/pause.js';
import { judgeGuests } from '../guests/judge.js';
import { judgeUpdate, managedPages } from '../judge/files.js';
import type { UpdateRecord } from '../judge/records.js';
import type { MarkedPages } from '../machine/marked-pages.js';
import { runSteps } from '../steps/run-steps.js';
import { update } from '../update/update.js';
import { arrival, departure } from './actions.js';

export interface Impaired {
  last: UpdateRecord;
  guests: readonly GuestOfResult[];
  /** Pages that the first kernel managed once it had booted. */
  managedFirst: number | null;
}

export async function recover(
  parts: Parts,
  how: Recovery,
  { last, guests, managedFirst }: Impaired,
): Promise<RecoveryOfResult> {
  const { recorder } = parts;
  const began = recorder.clock.now();
  const own = new Set(last.baseline.map(({ pfn }) => pfn));
  const leaked = pagesOf(last.marked?.found.filter(({ pfn }) => !own.has(pfn)) ?? [], MAX_LEAKED);
  const record: RecoveryOfResult = {
    how,
    ms: 0,
    pagesLeaked: { before: last.counts.pagesLeaked, after: null },
    pagesGivenBack: 0,
    managed: { first: managedFirst, before: null, after: null },
    guestsSurvived: [],
    guestsLost: guests.map(({ name }) => name),
    problems: [],
    notKnown: null,
  };
  try {
    record.managed.before = await managedPages(parts);
    const marked =
      how === 'reboot'
        ? await reboot(parts, record)
        : await updateOnce(
            parts,
            record,
            guests.filter(({ state }) => state === 'survived').map(({ name }) => name),
          );
    if (last.marked === null || marked === null)
      record.problems.push('the pages that it gave back could not be seen from outside');
    record.pagesGivenBack = marked === null ? 0 : leaked.filter((pfn) => !marked.index.has(pfn)).length;
  } catch (error) {
    const { failure, incident } = await failureOf(error, {
      machine: parts.machine,
      recorder,
      state: parts.state,
      image: null,
    });
    // A failure of the lab says nothing about the recovery.
    if (failure === 'lab') record.notKnown = incident?.title ?? messageOf(error);
    else record.problems.push(incident?.title ?? messageOf(error));
  }
  record.ms = Math.round(recorder.clock.now() - began);
  return record;
}

/** @returns the pages that are marked as handed over after the reboot; null where they could not be seen */
async function reboot(
  parts: Needs<'user' | 'machine' | 'view' | 'deadlines' | 'recorder' | 'state' | 'agents'>,
  record: RecoveryOfResult,
): Promise<MarkedPages | null> {
  const { user, machine, deadlines, recorder, state, view } = parts;
  user.dropFirst();
  user.disconnect();
  const mark = await machine.reboot(deadlines.boot);
  recorder.epoch += 1;
  for (const guest of state.guests.values()) guest.lose();
  user.meet(mark);
  await user.startFirst();
  record.managed.after = await managedPages(parts);
  const marked = await view.markedPages();
  record.pagesLeaked.after = marked?.total ?? null;
  return marked;
}

/**
 * @returns the pages that are marked as handed over after the update, read while the guests were paused; null where
 *   the update did not happen
 */
async function updateOnce(
  parts: Parts,
  record: RecoveryOfResult,
  survivors: readonly string[],
): Promise<MarkedPages | null> {
  const { plan, recorder } = parts;
  const { epoch } = recorder;
  planOneMore(plan);
  const { length } = plan.scenario.steps;
  const before = ownOperations(departure(survivors), { epoch, first: length });
  const end = await runSteps(parts, before, 'before-update');
  const [{ kexec, ...attempt }] = attemptsOf(before) as [PlannedAttempt];
  if (end.kind !== 'kexec' || kexec === null) {
    record.problems.push(
      end.kind === 'called-off'
        ? `one more update was called off: ${end.why}`
        : 'one more update ended before its kexec',
    );
    return null;
  }
  const result = await update(parts, { ...attempt, kexec });
  if (result.kind === 'refused') {
    record.problems.push(`one more update was refused: ${result.why}`);
    return null;
  }
  const managed = await managedPages(parts);
  const after = ownOperations(arrival(survivors), { epoch: epoch + 1, first: length + before.length });
  await runSteps(parts, after, 'last');
  await pauseGuests(parts);
  const judged = await judgeUpdate(parts, result.handedOver, managed);
  const guests = await judgeGuests(parts, judged.files, 'runs');
  record.managed.after = await managedPages(parts);
  record.pagesLeaked.after = judged.marked === null ? null : judged.counts.pagesLeaked;
  record.guestsSurvived = guests.filter(({ state }) => state === 'survived').map(({ name }) => name);
  record.guestsLost = record.guestsLost.filter((name) => !record.guestsSurvived.includes(name));
  record.problems.push(...guests.flatMap(({ name, problems }) => problems.map((what) => `${name}: ${what}`)));
  return judged.marked;
}
