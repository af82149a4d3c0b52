// SPDX-License-Identifier: Apache-2.0
// One live update: the old kernel's files are looked at, the machine jumps, and the next kernel's user space is met.
import type { Step } from '../model/scenario.js';
import type { RunContext } from './context.js';
import { injectFault } from './faults.js';
import { stopAtJump } from './jump.js';
import { lookBefore, markedPages, type MarkedPages } from './look.js';
import type { ReadyMark } from './machine.js';
import { finishStep, loadNext } from './steps.js';
import { openSession, startAgent } from './user-space.js';

export type Update =
  | { kind: 'jumped'; mark: ReadyMark; handedOver: MarkedPages | null }
  | { kind: 'refused'; why: string };

/** @param jumpFaults faults that strike as soon as the old kernel has begun the kexec */
export async function update(context: RunContext, step: Step, index: number, jumpFaults: readonly Step[]): Promise<Update> {
  const { recorder, state, deadlines, machine } = context;
  if (!context.loaded) {
    const reply = await loadNext(context, 'file');
    if (!reply.ok) return { kind: 'refused', why: `loading the next kernel failed with ${reply.errno} (${reply.at})` };
  }
  await lookBefore(context, state.held());
  const started = recorder.clock.now();
  recorder.event({ kind: 'kexec', state: 'going' });
  // Nobody closes the session of a kernel that jumped, so the console tells first, or the next kernel's mark.
  const next = recorder.epoch + 1;
  const jump = await stopAtJump(context, jumpFaults);
  const answer = await Promise.race([
    context.agent.kexec(deadlines.request(), machine.ended),
    machine.untilKexecStarts(deadlines.boot).then(() => null),
    machine.untilReady(next, deadlines.boot).then(() => null),
  ]);
  if (answer !== null) {
    await jump?.goOn();
    recorder.event({ kind: 'kexec', state: 'refused', errno: answer.errno ?? '' });
    finishStep(context, step, index, 'next kernel', answer, recorder.clock.now() - started);
    return { kind: 'refused', why: `the kexec was refused with ${answer.errno} (${answer.at})` };
  }
  await jump?.reached();
  for (const fault of jumpFaults) if (fault.op === 'fault') await injectFault(context, fault.fault);
  await jump?.goOn();
  context.agent.drop();
  context.ssh.close();
  state.jumped();
  recorder.epoch = next;
  context.loaded = false;
  const mark = await machine.untilReady(next, deadlines.boot);
  recorder.event({ kind: 'epoch', mark: 'ready', release: mark.release, bootId: mark.bootId });
  finishStep(context, step, index, mark.release, { ok: true, errno: null, at: null }, recorder.clock.now() - started);
  // What was handed over is counted before anyone opens /dev/liveupdate, while the session is being set up.
  const [ssh, handedOver] = await Promise.all([openSession(context, mark), markedPages(machine)]);
  context.ssh = ssh;
  context.agent = await startAgent(context, ssh);
  return { kind: 'jumped', mark, handedOver };
}
