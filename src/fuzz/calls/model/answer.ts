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

/** The answers of both. */
export function either(one: Answer, other: Answer): Answer {
  const accepts = [...new Set([...wordsOf(one), ...wordsOf(other)])].toSorted();
  const [only, more] = accepts;
  if (only === undefined || more !== undefined) return { kind: 'any', accepts };
  return only === 'OK' ? OK : refused(only);
}

function wordsOf(answer: Answer): string[] {
  switch (answer.kind) {
    case 'ok':
      return ['OK'];
    case 'refused':
      return [answer.errno];
    case 'any':
      return answer.accepts;
  }
}

/** The operation means nothing here: the lab itself would refuse it, or does not follow it. */
export type Verdict = Answer | { kind: 'impossible' };

export const IMPOSSIBLE: Verdict = { kind: 'impossible' };
