// SPDX-License-Identifier: Apache-2.0
// An error that ended a run becomes evidence: what the machine did, what it did not do in time, or the lab's own failure.
import { AgentGone } from '../guest/agent.js';
import type { KernelImage } from '../model/image.js';
import { DeadlineError } from '../util/deadline.js';
import { LabError, messageOf } from '../util/errors.js';
import { MachineEnded } from './ending.js';
import type { Machine } from './machine.js';
import type { Recorder } from './recorder.js';
import { lookAtStandstill } from './standstill.js';

/** What is still to be judged after it: a machine that ended, a kernel that goes on after its oops, or nothing, as the lab itself failed. */
export type Failure = 'ended' | 'oopsed' | 'lab';

/** @param image of the kernel that ran last */
export async function takeFailure(first: unknown, machine: Machine | null, recorder: Recorder, image: KernelImage | null): Promise<Failure> {
  await machine?.settle();
  // A channel of the machine often breaks a moment before its end is known: that end is the cause.
  const error: unknown = first instanceof MachineEnded || machine === null ? first : await machine.endedWithin(first instanceof DeadlineError ? 0 : 1000) ?? first;
  // Its incident was written down when it happened.
  if (error instanceof MachineEnded) return 'ended';
  if (error instanceof DeadlineError) {
    const { lines, forgotten } = machine === null ? { lines: [], forgotten: [] } : await lookAtStandstill(machine, image);
    const detail = withConsole([error.message, ...lines].join('\n'), machine);
    if (forgotten.length === 0) {
      recorder.incident({ source: 'deadline', side: 'outside', implies: 'hang', title: `no progress: ${error.what}`, detail });
      return 'ended';
    }
    recorder.incident({ source: 'lab', side: 'outside', implies: 'infra', title: `the emulator did not wake CPU ${forgotten.join(', ')} for its interrupt`, detail });
    return 'lab';
  }
  if (error instanceof AgentGone && hasOopsed(machine)) {
    recorder.incident({ source: 'agent', side: 'inside', implies: null, title: 'the agent is gone after a kernel oops', detail: error.message });
    return 'oopsed';
  }
  if (error instanceof AgentGone) {
    const why = machine?.findings.some(({ title }) => title === 'Out of memory')
      ? 'the machine ran out of memory: give it more (machine: memory), or the scenario less' : 'nothing ended it, and no kernel oopsed';
    recorder.incident({ source: 'lab', side: 'outside', implies: 'infra', title: error.message, detail: withConsole(why, machine) });
    return 'lab';
  }
  const detail = error instanceof LabError ? [error.detail, error.hint].filter(Boolean).join('\n') : String((error as Error)?.stack ?? error);
  recorder.incident({ source: 'lab', side: 'outside', implies: 'infra', title: messageOf(error), detail });
  return 'lab';
}

/** The text, and the console's end. */
export function withConsole(text: string, machine: Machine | null): string {
  const tail = machine?.consoleTail ?? '';
  return `${text}\n${tail === '' ? 'the console is empty' : `the console's end:\n${tail}`}`;
}

function hasOopsed(machine: Machine | null): boolean {
  return machine?.findings.some(({ severity }) => severity === 'oops' || severity === 'panic') ?? false;
}
