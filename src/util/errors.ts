// SPDX-License-Identifier: Apache-2.0

/** A failure that is the lab's or its host's own (outcome `infra`), never a verdict on a kernel. */
export class LabError extends Error {
  override name = 'LabError';
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
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** True for the errors that Node reports when the disk is full, its quota is used up, or a file grew too large. */
export function isDiskFull(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
}
