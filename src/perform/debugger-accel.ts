// SPDX-License-Identifier: Apache-2.0
// A fault at the jump needs a breakpoint. Where KVM does not report breakpoints, `auto` takes TCG for such a scenario.
import type { AccelAnswer } from '../host/accel.js';
import type { ProbeAnswer } from '../host/kvm/failure.js';

/** @param breakpoints what is known about breakpoints on KVM; null if the scenario needs none, or nobody asked */
export function debuggerAccel(answer: AccelAnswer, breakpoints: ProbeAnswer | null): AccelAnswer {
  if (answer.accel !== 'kvm' || breakpoints === null || breakpoints.verdict === 'works') return answer;
  return { accel: 'tcg', why: `a stop at the jump needs a hardware breakpoint, but ${breakpoints.why}` };
}
