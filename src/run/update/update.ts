// SPDX-License-Identifier: Apache-2.0
// One live update: the old kernel's files are looked at, the machine jumps, and the next kernel's user space is met.
import { NO_HANDLE } from '../../guest/agent.js';
import type { Step } from '../../model/scenario/scenario.js';
import { ClientGone, LabError, NoProgress } from '../../util/errors.js';
import { dropClients } from '../agent/clients.js';
import type { RunContext } from '../engine/context.js';
import { injectFault } from './faults.js';
import { flbHeader } from './flb-header.js';
import { finishStep } from '../steps/record-step.js';
import { lookAtLeaving } from '../guests/inspect.js';
import { stopAtJump } from '../machine/kexec-breakpoint.js';
import { loadNext } from './load-next.js';
import { takeReports } from '../agent/reported.js';
import { keepHandover, pagesOfHandover } from '../machine/keep-memory.js';
import { contentOfOthers } from '../judge/closing.js';
import { lookBefore, markedPages, type MarkedPages } from '../judge/outside.js';
import type { ReadyMark } from '../machine/ready-marks.js';
import { holdAt } from '../steps/breakpoints.js';
import { lookAtDevices } from '../devices/inspect.js';
import type { IndexedStep } from '../steps/run-steps.js';
import { PASSED } from '../agent/reply.js';
import { Racing } from '../steps/racing.js';
import { whileStill } from '../machine/pause.js';
import { followTransfers, prepareTransfer, settleTransfers } from '../devices/transfers.js';
import { openSession, startAgent } from '../agent/user-space.js';

export type Update =
  | { kind: 'jumped'; mark: ReadyMark; handedOver: MarkedPages | null }
  /** `errno`: the kernel's answer to the kexec; null where it never came to that. */
  | { kind: 'refused'; why: string; errno: string | null };

/**
 * @param jumpFaults faults that strike as soon as the old kernel has begun the kexec
 * @param late transfers that are to be in flight then, and calls that meet the kexec
 */
export async function update(
  context: RunContext,
  step: Step,
  index: number,
  jumpFaults: readonly Step[],
  late: readonly IndexedStep[],
): Promise<Update> {
  const { recorder, state, deadlines, machine } = context;
  if (!context.loaded) {
    const reply = await loadNext(context, 'file');
    if (!reply.ok)
      return { kind: 'refused', why: `loading the next kernel failed with ${reply.errno} (${reply.at})`, errno: null };
  }
  await holdAt(context, 'before-kexec');
  await takeReports(context, state.held());
  await lookBefore(context, state.held());
  await lookAtLeaving(context);
  const begin = await prepared(context, late);
  const racing = new Racing(context, late);
  await racing.prepare();
  await lookAtDevices(context, 'kexec');
  context.taint.leaves(machine);
  const started = recorder.clock.now();
  recorder.event({ kind: 'kexec', state: 'going' });
  // Nobody closes the session of a kernel that jumped, so the console tells first, or the next kernel's mark.
  const next = recorder.epoch + 1;
  state.flbHeader = await flbHeader(context);
  const jump = await stopAtJump(context, jumpFaults);
  // The agent carries out one request after the other: these are sent together with the next, and cost no time between.
  const begun = Promise.all(begin.map((each) => each()));
  begun.catch(() => undefined);
  machine.leaving.due(true);
  const left = Promise.race([
    machine.untilKexecStarts(deadlines.boot),
    machine.untilReady(next, deadlines.boot),
    ...(jump === null ? [] : [jump.stopped]),
  ]).then(() => null);
  left.catch(() => undefined);
  const answer = await Promise.race([
    context.agent.kexec(deadlines.request(), machine.ended, () => racing.begin()),
    left,
  ]);
  if (answer === null) {
    // A channel that ends may be the jump; where the kernel never begins it, the client died before.
    await left.catch((error: unknown) => {
      throw error instanceof NoProgress && context.agent.isGone
        ? new ClientGone('the agent is gone, and its kernel has not begun the kexec')
        : error;
    });
  }
  if (answer !== null) {
    machine.leaving.due(false);
    context.taint.stays();
    await begun;
    await racing.stays();
    await jump?.goOn();
    await settleTransfers(context);
    recorder.event({ kind: 'kexec', state: 'refused', errno: answer.errno ?? '' });
    finishStep(context, step, index, 'next kernel', answer, recorder.clock.now() - started);
    return { kind: 'refused', why: `the kexec was refused with ${answer.errno} (${answer.at})`, errno: answer.errno };
  }
  await machine.until(begun, deadlines.request(), 'answer about a transfer');
  await jump?.reached();
  if (machine.leaving.unseen && jumpFaults.length > 0)
    throw new LabError("the moment of the jump was missed: the next kernel was there before the old one's last words");
  const whole = jump === null ? [] : await pagesOfHandover(context);
  for (const fault of jumpFaults) if (fault.op === 'fault') await injectFault(context, fault.fault);
  if (jump !== null) await keepHandover(context, whole);
  await jump?.goOn();
  context.agent.drop();
  await racing.gone(() => dropClients(context));
  context.ssh.close();
  state.jumped();
  context.taint.stays();
  recorder.epoch = next;
  context.loaded = false;
  const mark = await machine.untilReady(next, deadlines.boot);
  followTransfers(context);
  recorder.event({ kind: 'epoch', mark: 'ready', release: mark.release, bootId: mark.bootId });
  await context.taint.arrived(machine);
  finishStep(context, step, index, mark.release, PASSED, recorder.clock.now() - started);
  // What was handed over is counted before anyone opens /dev/liveupdate, while the session is being set up.
  const [ssh, handedOver] = await Promise.all([
    openSession(context, mark),
    whileStill(context, () => handedOverOf(context)),
    lookAtDevices(context, 'arrival'),
  ]);
  context.ssh = ssh;
  context.agent = await startAgent(context, ssh);
  await holdAt(context, 'next-kernel');
  return { kind: 'jumped', mark, handedOver };
}

async function handedOverOf(context: RunContext): Promise<MarkedPages | null> {
  const marked = await markedPages(context);
  return marked === null ? null : { ...marked, others: contentOfOthers(context, marked) };
}

/**
 * All that takes time is done before the looks, so that little stands between the beginning of a transfer and the jump.
 */
async function prepared(context: RunContext, transfers: readonly IndexedStep[]): Promise<(() => Promise<void>)[]> {
  const begin: (() => Promise<void>)[] = [];
  for (const { step, index } of transfers) {
    const device = step.op === 'device-dma' ? context.state.devices.get(step.device) : undefined;
    if (device === undefined) continue;
    const ready = device.open ? await prepareTransfer(context, device) : { ok: false, errno: NO_HANDLE, at: null };
    begin.push(async () => {
      const started = context.recorder.clock.now();
      finishStep(
        context,
        step,
        index,
        device.spec.name,
        'start' in ready ? await ready.start() : ready,
        context.recorder.clock.now() - started,
      );
    });
  }
  return begin;
}
