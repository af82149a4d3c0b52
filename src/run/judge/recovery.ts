// SPDX-License-Identifier: Apache-2.0
// The two ways out of a host that an update has left impaired: reboot it, or update it once more with what still runs.
// What each gives back is measured; the verdict on the update that went wrong stands.
import type { GuestOfResult, RecoveryOfResult } from '../../model/result/guest-result.js';
import { guestFiles } from '../../model/scenario/guest.js';
import type { Action, Recovery, Step } from '../../model/scenario/scenario.js';
import { MOST_LEAKED, pagesOf } from '../../oracles/pages/leaked.js';
import { messageOf } from '../../util/errors.js';
import type { RunContext } from '../engine/context.js';
import { failureOf } from '../engine/failure.js';
import { holdGuests } from '../guests/hold.js';
import { judgeGuests } from '../guests/judge.js';
import { judgeUpdate, managedPages, type UpdateRecord } from './files.js';
import { type MarkedPages, markedPages } from './outside.js';
import { runSteps, type IndexedStep } from '../steps/run-steps.js';
import { update } from '../update/update.js';
import { openSession, startAgent } from '../agent/user-space.js';

/** Session that carries the survivors on. */
const SESSION = 'recovery';

export interface Impaired {
  last: UpdateRecord;
  guests: readonly GuestOfResult[];
  /** Pages that the first kernel managed once it had booted. */
  managedFirst: number | null;
}

export async function recover(
  context: RunContext,
  how: Recovery,
  { last, guests, managedFirst }: Impaired,
): Promise<RecoveryOfResult> {
  const { recorder } = context;
  const began = recorder.clock.now();
  const own = new Set(last.baseline.map(({ pfn }) => pfn));
  const leaked = pagesOf(last.marked?.found.filter(({ pfn }) => !own.has(pfn)) ?? [], MOST_LEAKED);
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
    record.managed.before = await managedPages(context);
    const marked =
      how === 'reboot'
        ? await reboot(context, record)
        : await updateOnce(
            context,
            record,
            guests.filter(({ state }) => state === 'survived').map(({ name }) => name),
          );
    if (last.marked === null || marked === null)
      record.problems.push('what it gave back could not be seen from outside');
    record.pagesGivenBack = marked === null ? 0 : leaked.filter((pfn) => !marked.index.has(pfn)).length;
  } catch (error) {
    const { failure, incident } = await failureOf(error, {
      machine: context.machine,
      recorder,
      state: context.state,
      image: null,
    });
    // A failure of the lab says nothing of the way out.
    if (failure === 'lab') record.notKnown = incident?.title ?? messageOf(error);
    else record.problems.push(incident?.title ?? messageOf(error));
  }
  record.ms = Math.round(recorder.clock.now() - began);
  return record;
}

/** @returns what is marked as handed over after it; null where that could not be seen */
async function reboot(context: RunContext, record: RecoveryOfResult): Promise<MarkedPages | null> {
  const { machine, deadlines, recorder, state } = context;
  context.agent.drop();
  context.ssh.close();
  const mark = await machine.reboot(deadlines.boot);
  recorder.epoch += 1;
  for (const guest of state.guests.values()) guest.lose();
  context.ssh = await openSession(context, mark);
  context.agent = await startAgent(context, context.ssh);
  record.managed.after = await managedPages(context);
  const marked = await markedPages(context);
  record.pagesLeaked.after = marked?.total ?? null;
  return marked;
}

/** @returns what is marked after it, as it was seen while the guests stood still; null where it never came to it */
async function updateOnce(
  context: RunContext,
  record: RecoveryOfResult,
  survivors: readonly string[],
): Promise<MarkedPages | null> {
  const { plan, recorder } = context;
  const next = recorder.epoch + 1;
  // The kernel that runs now takes over from itself.
  const again = <T>(each: readonly T[]): T[] => [...each, each.at(-1) as T];
  context.plan = {
    ...plan,
    kernels: again(plan.kernels),
    formats: [...plan.formats, null],
    scenario: { ...plan.scenario, policy: 'force', cmdlines: again(plan.scenario.cmdlines) },
  };
  const before = stepsOf(plan.scenario.steps, recorder.epoch, leaving(survivors));
  const end = await runSteps(context, before, false);
  if (end.kind !== 'kexec') {
    record.problems.push(
      end.kind === 'called-off'
        ? `one more update was called off: ${end.why}`
        : 'one more update never came to its kexec',
    );
    return null;
  }
  const { step, index } = before.at(-1) as IndexedStep;
  const gone = await update(context, step, index, [], []);
  if (gone.kind === 'refused') {
    record.problems.push(`one more update was refused: ${gone.why}`);
    return null;
  }
  const managed = await managedPages(context);
  await runSteps(context, stepsOf([...plan.scenario.steps, ...before], next, arriving(survivors)), true);
  await holdGuests(context);
  const judged = await judgeUpdate(context, gone.handedOver, managed);
  const guests = await judgeGuests(context, judged.files, false);
  record.managed.after = await managedPages(context);
  record.pagesLeaked.after = judged.marked === null ? null : judged.counts.pagesLeaked;
  record.guestsSurvived = guests.filter(({ state }) => state === 'survived').map(({ name }) => name);
  record.guestsLost = record.guestsLost.filter((name) => !record.guestsSurvived.includes(name));
  record.problems.push(...guests.flatMap(({ name, problems }) => problems.map((what) => `${name}: ${what}`)));
  return judged.marked;
}

function stepsOf(before: readonly unknown[], epoch: number, actions: readonly Action[]): IndexedStep[] {
  const pos = { file: '', line: 0, column: 0 };
  return actions.map((action, at) => ({
    step: { ...action, epoch, errno: null, pos } as Step,
    index: before.length + at,
  }));
}

function leaving(guests: readonly string[]): Action[] {
  return [
    { op: 'create', session: SESSION },
    ...guests.flatMap((guest, i): Action[] => {
      const { ram, state } = guestFiles(guest);
      return [
        { op: 'preserve', session: SESSION, file: ram, token: 2 * i + 1 },
        { op: 'preserve', session: SESSION, file: state, token: 2 * i + 2 },
      ];
    }),
    { op: 'load', via: 'file' },
    ...guests.map((guest): Action => ({ op: 'guest-pause', guest })),
    ...guests.map((guest): Action => ({ op: 'guest-save', guest, version: null })),
    { op: 'kexec' },
  ];
}

function arriving(guests: readonly string[]): Action[] {
  return [
    { op: 'retrieve-session', session: SESSION },
    ...guests.flatMap((guest, i): Action[] => {
      const { ram, state } = guestFiles(guest);
      return [
        { op: 'retrieve', session: SESSION, token: 2 * i + 1, file: ram },
        { op: 'retrieve', session: SESSION, token: 2 * i + 2, file: state },
      ];
    }),
    ...guests.map((guest): Action => ({ op: 'guest-restore', guest, ...guestFiles(guest), skip: [], reads: null })),
    ...guests.map((guest): Action => ({ op: 'guest-resume', guest })),
    ...guests.map((guest): Action => ({ op: 'guest-check', guest })),
    { op: 'finish', session: SESSION },
    { op: 'close', target: { kind: 'session', name: SESSION } },
  ];
}
