// SPDX-License-Identifier: Apache-2.0
// The answers that the model allows to an operation.

export type Answer =
  | { kind: 'ok' }
  | { kind: 'refused'; errno: string }
  /** Nobody can know: the call races the kexec. */
  | { kind: 'any'; accepts: string[] };

export const OK: Answer = { kind: 'ok' };

export function refused(errno: string): Answer {
  return { kind: 'refused', errno };
}

/** The operation means nothing here: the lab itself would refuse it, or does not follow it. */
export type Verdict = Answer | { kind: 'impossible' };

export const IMPOSSIBLE: Verdict = { kind: 'impossible' };
