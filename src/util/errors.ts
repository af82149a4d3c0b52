// SPDX-License-Identifier: Apache-2.0
// Errors that say at their source whose fault they are. One switch turns those that end a run into evidence
// (run/engine/failure.ts).

/** A failure that is the lab's or its host's own (outcome `infra`), never a verdict on a kernel. */
export class LabError extends Error {
  override name = 'LabError';
  readonly fault: 'host' | 'user' = 'host';
  /** What the user can do: a command to run, a word to change. */
  readonly hint: string | null;
  /** Evidence, bounded: the tail of a log, a command line. */
  readonly detail: string | null;

  constructor(message: string, more: { hint?: string | null; detail?: string | null; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.hint = more.hint ?? null;
    this.detail = more.detail ?? null;
  }
}

/** Bad usage or a bad scenario: nothing was started. */
export class UsageError extends LabError {
  override name = 'UsageError';
  override readonly fault = 'user';
}

/** Part of the host did not answer in time: QEMU, Redis. */
export class HostTimeout extends LabError {
  override name = 'HostTimeout';
  constructor(what: string, ms: number) {
    super(inTime(what, ms));
  }
}

/** Milliseconds of one wait for the machine, by the host. */
export interface WaitTimes {
  /** All of it. */
  wall: number;
  /** Of it, how long the host kept the machine from running. */
  held: number;
  /** Processor time that QEMU got; null where the host does not tell. */
  processor: number | null;
}

/** The machine, or the client in it, did not do in time what the lab waits for. */
export class NoProgress extends Error {
  override name = 'NoProgress';
  readonly fault = 'no-progress';

  /** @param times null where nobody measured them */
  constructor(
    readonly what: string,
    readonly ms: number,
    readonly times: WaitTimes | null = null,
  ) {
    super(inTime(what, ms));
  }
}

/** A command of the scenario took longer than it may. */
export class CommandTimeout extends Error {
  override name = 'CommandTimeout';
  readonly fault = 'command';
  constructor(what: string, ms: number) {
    super(inTime(what, ms));
  }
}

/** The user's own limit for the whole run was reached. */
export class RunLimit extends Error {
  override name = 'RunLimit';
  readonly fault = 'limit';
  constructor(readonly ms: number) {
    super(`the run's own time limit of ${ms / 1000} s was reached`);
  }
}

/**
 * The lab's client in the machine is gone, or what it says cannot be used: it was killed, the machine went away, or it
 * jumped.
 */
export class ClientGone extends Error {
  override name = 'ClientGone';
  readonly fault = 'client';
}

function inTime(what: string, ms: number): string {
  return `no ${what} within ${(ms / 1000).toFixed(1)} s`;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** True for the errors that Node reports when the disk is full, its quota is used up, or a file grew too large. */
export function isDiskFull(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
}
