// SPDX-License-Identifier: Apache-2.0
// Errors that tell at their source whose fault they are. One switch turns those that end a run into evidence
// (run/engine/failure.ts).

/** A failure of the lab or its host (outcome `infra`), never a verdict on a kernel. */
export class LabError extends Error {
  override name = 'LabError';
  readonly fault: 'host' | 'user' = 'host';
  /** What the user can do: a command to run, a word to change. */
  readonly hint: string | null;
  /** Evidence of limited size: the end of a log, a command line. */
  readonly detail: string | null;

  constructor(message: string, more: { hint?: string | null; detail?: string | null; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.hint = more.hint ?? null;
    this.detail = more.detail ?? null;
  }
}

/** Wrong usage or an invalid scenario: nothing was started. */
export class UsageError extends LabError {
  override name = 'UsageError';
  override readonly fault = 'user';
}

/** A part of the host, such as QEMU or Redis, did not answer in time. */
export class HostTimeout extends LabError {
  override name = 'HostTimeout';
  constructor(what: string, ms: number) {
    super(inTime(what, ms));
  }
}

/** Milliseconds of one wait for the machine, on the host's clock. */
export interface WaitTimes {
  /** The whole wait. */
  wall: number;
  /** How long the host kept the machine from running. */
  held: number;
  /** Processor time that QEMU got; null if the host does not tell. */
  processor: number | null;
}

/** The machine, or the client in it, did not do something in time. */
export class NoProgress extends Error {
  override name = 'NoProgress';
  readonly fault = 'no-progress';

  /**
   * Creates the error.
   * @param times null if nobody measured them
   */
  constructor(
    readonly what: string,
    readonly ms: number,
    readonly times: WaitTimes | null = null,
  ) {
    super(inTime(what, ms));
  }
}

/** A command of the scenario took too long. */
export class CommandTimeout extends Error {
  override name = 'CommandTimeout';
  readonly fault = 'command';
  constructor(what: string, ms: number) {
    super(inTime(what, ms));
  }
}

/** The user's time limit for the whole run was reached. */
export class RunLimit extends Error {
  override name = 'RunLimit';
  readonly fault = 'limit';
  constructor(readonly ms: number) {
    super(`the run's own time limit of ${ms / 1000} s was reached`);
  }
}

/**
 * The lab's client in the machine is gone, or its answers cannot be used: it was killed, the machine ended, or it
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

/** True for Node's errors when the disk is full, the quota is used up, or a file is too large. */
export function isDiskFull(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
}
