// SPDX-License-Identifier: Apache-2.0
// One live update, phase by phase: load the next kernel, inspect the old one, jump, and reach the next kernel's user
// space. Each phase is an event of the run.
import type { UpdatePhase } from '../../model/result/event.js';
import { PASSED } from '../agent/reply.js';
import { takeReports } from '../agent/reported.js';
import { inspectDevices } from '../devices/inspect.js';
import { followTransfers } from '../devices/transfers.js';
import type { UpdateAttempt } from '../engine/attempts.js';
import type { Needs, Parts } from '../engine/parts.js';
import { saveRung } from '../engine/rungs.js';
import { inspectGuestsBeforeKexec } from '../guests/inspect.js';
import { followArrival } from '../judge/handed-over/fingerprint.js';
import { contentOfOthers } from '../judge/closing/closing.js';
import { snapshotBefore } from '../judge/outside.js';
import type { MarkedPages } from '../machine/marked-pages.js';
import type { ReadyMark } from '../machine/ready-marks.js';
import { recordStep } from '../steps/record-step.js';
import { Jump } from './jump.js';
import { loadNext } from './load-next.js';

export type Update =
  | { kind: 'jumped'; mark: ReadyMark; handedOver: MarkedPages | null }
  /** `errno`: the kernel's answer to the kexec; null if the kexec was never requested. */
  | { kind: 'refused'; why: string; errno: string | null };

export async function update(parts: Parts, attempt: UpdateAttempt): Promise<Update> {
  const { recorder, breakpoints } = parts;
  const phase = <T>(name: UpdatePhase, work: () => Promise<T>) => recorder.phase(name, work);
  const jump = new Jump(parts, attempt);

  const failure = await phase('load', () => load(parts));
  if (failure !== null) return { kind: 'refused', why: failure, errno: null };
  await breakpoints.pauseAt('before-kexec');
  await phase('inspect', () => inspectBeforeKexec(parts));
  await phase('prepare', () => jump.prepare());
  const answer = await phase('kexec', () => jump.begin());
  if (answer !== null) {
    await phase('stay', () => jump.stay(answer));
    return { kind: 'refused', why: `the kexec was refused with ${answer.errno} (${answer.at})`, errno: answer.errno };
  }
  await phase('inject', () => jump.inject());
  await phase('leave', () => jump.leave());
  const mark = await phase('boot', () => bootNext(parts));
  recordStep(parts, attempt.kexec, { target: mark.release, reply: PASSED, ms: jump.ms });
  const handedOver = await phase('arrive', () => arrive(parts, mark));
  await breakpoints.pauseAt('next-kernel');
  return { kind: 'jumped', mark, handedOver };
}

/** @returns why loading failed; null if the next kernel is loaded */
async function load(parts: Needs<'plan' | 'recorder' | 'state' | 'agents'>): Promise<string | null> {
  if (parts.state.loaded) return null;
  const { ok, errno, at } = await loadNext(parts, 'file');
  return ok ? null : `loading the next kernel failed with ${errno} (${at})`;
}

/** Records what the next kernel has to match. */
async function inspectBeforeKexec(parts: Needs<'agents' | 'state' | 'recorder' | 'view'>): Promise<void> {
  const files = parts.state.preservedFiles();
  await takeReports(parts, files);
  await snapshotBefore(parts, files);
  await inspectGuestsBeforeKexec(parts);
}

async function bootNext(
  parts: Needs<'plan' | 'machine' | 'view' | 'deadlines' | 'recorder' | 'state' | 'taint'>,
): Promise<ReadyMark> {
  const { machine, deadlines, recorder, taint } = parts;
  const mark = await machine.untilReady(recorder.epoch, deadlines.boot);
  await saveRung(parts, 'open');
  followTransfers(parts);
  recorder.event({ kind: 'epoch', mark: 'ready', release: mark.release, bootId: mark.bootId });
  await taint.arrived(machine);
  return mark;
}

/** Counts the marked pages before anything opens /dev/liveupdate. */
async function arrive(
  parts: Needs<'user' | 'view' | 'state' | 'recorder' | 'plan' | 'trace'>,
  mark: ReadyMark,
): Promise<MarkedPages | null> {
  const { user, view } = parts;
  user.meet(mark);
  const [handedOver] = await Promise.all([
    view.whilePaused(() => inspectMarks(parts)),
    inspectDevices(parts, 'arrival'),
  ]);
  await user.startFirst();
  return handedOver;
}

async function inspectMarks(parts: Needs<'view' | 'state' | 'recorder'>): Promise<MarkedPages | null> {
  const marked = await parts.view.markedPages();
  await followArrival(parts, marked);
  return marked === null ? null : { ...marked, others: await parts.view.scan(contentOfOthers(parts, marked)) };
}
