// SPDX-License-Identifier: Apache-2.0
// Says of one execution whether a kernel may do that.
import { canonical } from '../../console/index.js';
import type { Outcome } from '../../model/result/outcome.js';
import type { Ending, Input, Judgement } from '../input.js';

/** Ends that no damage of the handover excuses. What came back damaged because it was damaged is allowed. */
const NEVER: ReadonlySet<Outcome> = new Set<Outcome>(['panic', 'reboot', 'hang', 'tainted']);
/** Titles of answers that the scenario does not allow: another than the demanded one, or an error where it has none. */
const WRONG_ANSWER = / was demanded$|^[a-z-]+ failed with E[A-Z0-9]+$/;
/** A kernel that calls panic() on its own does so on purpose; these are faults of its code. */
const FAULT =
  /\b(BUG|KASAN|UBSAN|KFENCE|Oops|general protection|unable to handle|soft lockup|hung task|early exception)\b/i;
/**
 * What a kernel may never say while it boots, before it has anything to hand over: its command line is part of the
 * input. No outcome comes of it. Messages about time depend on the host, so they are left out.
 */
const AT_BOOT =
  /^(?:BUG: (?:Bad|KASAN|KFENCE|kernel NULL|unable to)|KASAN|KFENCE|UBSAN|Oops|general protection|list_\w+ corruption)/;

export function judge(input: Pick<Input, 'generator' | 'scenario' | 'versionsValid'>, ending: Ending): Judgement {
  const { outcome, incidents } = ending;
  const title = titleOf(ending);
  if (outcome === 'infra') return { kind: 'infra', why: title };
  if (input.generator === 'bytes') {
    if (!NEVER.has(outcome)) return { kind: 'allowed' };
    const deliberate = outcome === 'panic' && !incidents.some((each) => FAULT.test(each.title));
    return !input.versionsValid && deliberate ? { kind: 'policy', title } : { kind: 'finding', outcome, title };
  }
  const early = incidents.find(
    ({ epoch, source, implies, title: each }) =>
      epoch === 0 && source === 'console' && implies === null && AT_BOOT.test(each),
  );
  if (early !== undefined && !NEVER.has(outcome)) return { kind: 'finding', outcome, title: canonical(early.title) };
  const errno = incidents.find((each) => WRONG_ANSWER.test(each.title));
  // A wrong answer explains what is lost later. A kernel that fails says more by itself.
  if (errno !== undefined && !NEVER.has(outcome)) return { kind: 'finding', outcome, title: canonical(errno.title) };
  if (outcome !== input.scenario.expect.outcome) return { kind: 'finding', outcome, title };
  return errno === undefined ? { kind: 'allowed' } : { kind: 'finding', outcome, title: canonical(errno.title) };
}

/**
 * One bug is one key. A wrong answer is the same bug whatever comes of it, and so is what a kernel says at its boot;
 * how the run ends depends on what else the input does.
 */
export function keyOf({ outcome, title }: { outcome: Outcome; title: string }): string {
  return WRONG_ANSWER.test(title) || (AT_BOOT.test(title) && !NEVER.has(outcome)) ? title : `${outcome}: ${title}`;
}

/** The same for the same cause: names the function that failed, and no address. */
export function titleOf({ outcome, cause }: Ending): string {
  if (cause === null) return outcome;
  const title = canonical(cause.title);
  const top = /\bRIP: [0-9a-f]+:([A-Za-z_]\w*)/.exec(cause.detail)?.[1];
  return top === undefined || title.includes(top) ? title : `${title} in ${top}`;
}
