// SPDX-License-Identifier: Apache-2.0
// Turns the error that ended a run into evidence: the machine ended, it made no progress in time, or the lab failed.
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
 * What remains to be judged: `ended`, a machine that ended or hangs; `client`, what a lost client held while its kernel
 * goes on; `lab`, nothing, since the lab itself failed.
 */
export type Failure = 'ended' | 'client' | 'lab';

/** Each of these says whose fault it is, from where it was thrown. */
export type RunError = LabError | NoProgress | CommandTimeout | RunLimit | MachineEnded | ClientGone;

/** The state of the machine when the run ended. */
export interface LastLook {
  /** Null if there is no machine, or the error does not need it. */
  standstill: Standstill | null;
  /** The disk for the console and the readiness marks is full: the machine's last output is lost. */
  diskFull: boolean;
  /** A fault of the scenario has stopped all processors. */
  frozen: boolean;
  /** The running kernel has oopsed. */
  oopsed: boolean;
  outOfMemory: boolean;
  /** The client never held anything that was handed over. */
  heldNothing: boolean;
  consoleTail: string;
}

export interface Classified {
  failure: Failure;
  /** Null if it was recorded when it happened. */
  incident: Omit<Incident, 't' | 'epoch'> | null;
}

/** If a machine has work to do and gets less than this share of processor time, the host did not run it. */
const MIN_SHARE = 0.01;

export function classify(error: RunError, look: LastLook): Classified {
  switch (error.fault) {
    case 'user':
    case 'host':
      return byLab(messageOf(error), [error.detail, error.hint].filter(Boolean).join('\n'));
    case 'no-progress':
      return standsStill(error, look);
    case 'command':
      return byLab(error.message, withConsole('this says nothing about the machine', look.consoleTail));
    case 'limit':
      return byLab(
        error.message,
        withConsole('the lab ended the run then: neither the kernel nor the host is to blame', look.consoleTail),
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

/** A hang needs proof: QEMU answers, had processor time, has not paused the machine, and woke every processor. */
function standsStill(
  { what, message, times }: NoProgress,
  { standstill, diskFull, frozen, consoleTail }: LastLook,
): Classified {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  const used =
    times === null || times.processor === null
      ? []
      : [
          `QEMU had ${seconds(times.processor)} of processor time in these ${seconds(times.wall)}; ` +
            `the host kept it waiting for ${seconds(times.held)}`,
        ];
  const detail = withConsole([message, ...used, ...(standstill?.lines ?? [])].join('\n'), consoleTail);
  if (diskFull) return byLab(`the disk is full, so nothing shows whether the machine goes on: ${what}`, detail);
  if (standstill === null || standstill.status === '')
    return byLab(`QEMU does not answer while the lab waits for: ${what}`, detail);
  if (standstill.forgotten.length > 0)
    return byLab(`the emulator did not give CPU ${standstill.forgotten.join(', ')} its interrupt`, detail);
  if (!frozen && !/running/.test(standstill.status))
    return byLab(`QEMU holds the machine still (${standstill.status})`, detail);
  const idle = times !== null && times.processor !== null && times.processor < MIN_SHARE * (times.wall - times.held);
  if (!frozen && idle && standstill.busy) return byLab('the host gave the machine no processor time', detail);
  return {
    failure: 'ended',
    incident: { source: 'deadline', side: 'outside', implies: 'hang', title: `no progress: ${what}`, detail },
  };
}

/** The client that held what must come back is gone. Files that never reached it are judged by their pages. */
function clientGone({ message }: ClientGone, { oopsed, outOfMemory, heldNothing, consoleTail }: LastLook): Classified {
  const why = oopsed
    ? 'the kernel oopsed before'
    : outOfMemory
      ? 'the machine ran out of memory: give it more (machine: memory), or let the scenario use less'
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

/** Makes a RunError of anything that was thrown; an unknown error is the lab's own fault. */
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

/** What the lab reads from the machine after a run has failed. */
type LastSight = Pick<Machine, 'settle' | 'findings' | 'frozen' | 'consoleTail' | 'endedWithin' | 'human'>;

export interface Failed {
  machine: LastSight | null;
  recorder: Recorder;
  /** Null before the lab reached the first kernel's user space. */
  state: RunState | null;
  /** The kernel that ran last; null if its symbols are not wanted. */
  image: KernelImage | null;
  /** Folder that QEMU writes the machine's output to. */
  dir?: string;
}

function isFull(dir: string): boolean {
  try {
    return statfsSync(dir).bavail === 0;
  } catch {
    return false;
  }
}

/** Records what ended the run. */
export async function takeFailure(first: unknown, failed: Failed): Promise<Failure> {
  const { failure, incident } = await failureOf(first, failed);
  if (incident !== null) failed.recorder.incident(incident);
  return failure;
}

/** Classifies what ended the run, without recording it. */
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

/** A channel to the machine often breaks a moment before the machine's end is known: that end is the cause. */
async function causeOf(first: RunError, machine: LastSight | null): Promise<RunError> {
  if (first instanceof MachineEnded || machine === null) return first;
  const end = await machine.endedWithin(first instanceof NoProgress ? 0 : 1000);
  return end === null ? first : runErrorOf(end);
}

/** Appends the end of the console to a text. */
export function withConsole(text: string, consoleTail: string): string {
  return `${text}\n${consoleTail === '' ? 'the console is empty' : `the console's end:\n${consoleTail}`}`;
}
