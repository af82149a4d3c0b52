// SPDX-License-Identifier: Apache-2.0
// An error that ended a run becomes evidence: what the machine did, what it did not do in time, or the lab's own
// failure.
import { statfsSync } from 'node:fs';
import type { Incident } from '../../model/result/incident.js';
import type { KernelImage } from '../../model/kernel/image.js';
import { ClientGone, CommandTimeout, LabError, messageOf, NoProgress, RunLimit } from '../../util/errors.js';
import { heldNothing } from '../judge/client-gone.js';
import { MachineEnded } from '../machine/ending.js';
import type { Machine } from '../machine/machine.js';
import type { Recorder } from './recorder.js';
import { lookAtStandstill, type Standstill } from '../machine/standstill.js';
import type { RunState } from '../state/run-state.js';

/**
 * What is still to be judged after it: a machine that ended or stands still, what a client held that is gone while its
 * kernel goes on, or nothing, as the lab itself failed.
 */
export type Failure = 'ended' | 'client' | 'lab';

/** Each says whose fault it is, since it was made. */
export type RunError = LabError | NoProgress | CommandTimeout | RunLimit | MachineEnded | ClientGone;

/** What was seen of the machine when the run ended. */
export interface LastLook {
  /** Null where there is no machine, or nobody had to look. */
  standstill: Standstill | null;
  /**
   * The disk that QEMU writes the console and the readiness marks to has no room left: what the machine said last is
   * lost.
   */
  diskFull: boolean;
  /** A fault of the scenario has stopped all processors. */
  frozen: boolean;
  /** The kernel that runs has oopsed. */
  oopsed: boolean;
  outOfMemory: boolean;
  /** Nothing had come into the client's hands. */
  heldNothing: boolean;
  consoleTail: string;
}

export interface Classified {
  failure: Failure;
  /** Null where it was written down when it happened. */
  incident: Omit<Incident, 't' | 'epoch'> | null;
}

/** A machine that needs a processor and gets less than this part of the time was not run by its host. */
const MIN_SHARE = 0.01;

export function classify(error: RunError, look: LastLook): Classified {
  switch (error.fault) {
    case 'user':
    case 'host':
      return byLab(messageOf(error), [error.detail, error.hint].filter(Boolean).join('\n'));
    case 'no-progress':
      return standsStill(error, look);
    case 'command':
      return byLab(error.message, withConsole('nothing is known of the machine', look.consoleTail));
    case 'limit':
      return byLab(
        error.message,
        withConsole('the lab stopped looking then: neither the kernel nor the host is to blame', look.consoleTail),
      );
    case 'ended':
      return { failure: 'ended', incident: null };
    case 'client':
      return clientGone(error, look);
  }
}

function byLab(title: string, detail: string): Classified {
  return { failure: 'lab', incident: { source: 'lab', side: 'outside', implies: 'infra', title, detail } };
}

/** A hang needs proof: QEMU answers, had processor time, holds nothing back, and has forgotten no processor. */
function standsStill(
  { what, message, times }: NoProgress,
  { standstill, diskFull, frozen, consoleTail }: LastLook,
): Classified {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  const used =
    times === null || times.processor === null
      ? []
      : [
          `QEMU had ${seconds(times.processor)} of processor time in these ${seconds(times.wall)}; the host kept it waiting for ${seconds(times.held)}`,
        ];
  const detail = withConsole([message, ...used, ...(standstill?.lines ?? [])].join('\n'), consoleTail);
  if (diskFull) return byLab(`the disk is full, so nothing shows whether the machine goes on: ${what}`, detail);
  if (standstill === null || standstill.status === '')
    return byLab(`QEMU does not answer while the lab waits for: ${what}`, detail);
  if (standstill.forgotten.length > 0)
    return byLab(`the emulator did not wake CPU ${standstill.forgotten.join(', ')} for its interrupt`, detail);
  if (!frozen && !/running/.test(standstill.status))
    return byLab(`QEMU holds the machine still (${standstill.status})`, detail);
  const idle = times !== null && times.processor !== null && times.processor < MIN_SHARE * (times.wall - times.held);
  if (!frozen && idle && standstill.busy) return byLab('the host gave the machine no processor time', detail);
  return {
    failure: 'ended',
    incident: { source: 'deadline', side: 'outside', implies: 'hang', title: `no progress: ${what}`, detail },
  };
}

/** Who held what was to be carried over is gone. What never reached it is judged by its pages (client-gone.ts). */
function clientGone({ message }: ClientGone, { oopsed, outOfMemory, heldNothing, consoleTail }: LastLook): Classified {
  const why = oopsed
    ? 'a kernel oops came before'
    : outOfMemory
      ? 'the machine ran out of memory: give it more (machine: memory), or the scenario less'
      : 'the machine goes on, and no kernel oopsed';
  const title = oopsed ? `${message} after a kernel oops` : message;
  return {
    failure: 'client',
    incident: {
      source: 'agent',
      side: 'inside',
      implies: heldNothing ? null : 'lost',
      title,
      detail: withConsole(why, consoleTail),
    },
  };
}

/** Of anything that was thrown: what says nothing of its fault is the lab's own. */
export function runErrorOf(error: unknown): RunError {
  if (
    error instanceof LabError ||
    error instanceof NoProgress ||
    error instanceof CommandTimeout ||
    error instanceof RunLimit ||
    error instanceof MachineEnded ||
    error instanceof ClientGone
  )
    return error;
  return new LabError(messageOf(error), { detail: String((error as Error)?.stack ?? error), cause: error });
}

/** What is asked of the machine once a run has failed. */
type LastSight = Pick<Machine, 'settle' | 'findings' | 'frozen' | 'consoleTail' | 'endedWithin' | 'human'>;

export interface Failed {
  machine: LastSight | null;
  recorder: Recorder;
  /** Null before the first kernel could be talked to. */
  state: RunState | null;
  /** Of the kernel that ran last; null where its symbols are not wanted. */
  image: KernelImage | null;
  /** Where QEMU writes what the machine says. */
  dir?: string;
}

function isFull(dir: string): boolean {
  try {
    return statfsSync(dir).bavail === 0;
  } catch {
    return false;
  }
}

/** Writes down what ended the run. */
export async function takeFailure(first: unknown, failed: Failed): Promise<Failure> {
  const { failure, incident } = await failureOf(first, failed);
  if (incident !== null) failed.recorder.incident(incident);
  return failure;
}

/** The same, not written down. */
export async function failureOf(first: unknown, { machine, recorder, state, image, dir }: Failed): Promise<Classified> {
  await machine?.settle();
  const error = await causeOf(runErrorOf(first), machine);
  const complaints = (machine?.findings ?? []).filter(({ epoch }) => epoch >= recorder.epoch);
  return classify(error, {
    standstill: machine !== null && error instanceof NoProgress ? await lookAtStandstill(machine, image) : null,
    diskFull: dir !== undefined && isFull(dir),
    frozen: machine?.frozen ?? false,
    oopsed: complaints.some(({ severity }) => severity === 'oops' || severity === 'panic'),
    outOfMemory: complaints.some(({ title }) => title === 'Out of memory'),
    heldNothing: state !== null && heldNothing(state),
    consoleTail: machine?.consoleTail ?? '',
  });
}

/** A channel of the machine often breaks a moment before its end is known: that end is the cause. */
async function causeOf(first: RunError, machine: LastSight | null): Promise<RunError> {
  if (first instanceof MachineEnded || machine === null) return first;
  const end = await machine.endedWithin(first instanceof NoProgress ? 0 : 1000);
  return end === null ? first : runErrorOf(end);
}

/** The text, and the console's end. */
export function withConsole(text: string, consoleTail: string): string {
  return `${text}\n${consoleTail === '' ? 'the console is empty' : `the console's end:\n${consoleTail}`}`;
}
