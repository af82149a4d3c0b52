// SPDX-License-Identifier: Apache-2.0
// The section "accelerator" of `lab doctor`.
import type { StoredAnswer } from '../../host/kvm/memory.js';
import type { NestedKvm } from '../../host/kvm/nested.js';
import type { KvmState } from '../../host/kvm/state.js';
import { printable } from '../../util/text/escape.js';

const VERDICTS: Readonly<Record<StoredAnswer['verdict'], string>> = {
  works: 'a kernel boots on it',
  refused: 'no kernel boots on it',
  unknown: 'the last try told nothing',
};

export function acceleratorText({
  nested,
  breakpoints,
  ...state
}: KvmState & { nested: NestedKvm; breakpoints: StoredAnswer | null }): string {
  const open = state.access.state === 'open' ? [...breakpointLines(breakpoints), ...guestLines(nested)] : [];
  const lines = [...linesOf(state), ...open];
  return ['accelerator', ...lines.map((line) => `  ${line}`)].join('\n');
}

/** Faults at the jump need them. */
function breakpointLines(answer: StoredAnswer | null): string[] {
  return answer === null ? [] : [`breakpoints: ${printable(answer.why)}, asked ${answer.at}`];
}

/** Guests need KVM in the machine too. The kernels of a scenario must also be able to drive it. */
function guestLines(nested: NestedKvm): string[] {
  return 'hint' in nested
    ? [`guests: on tcg, because ${nested.why}`, `to mend it: ${nested.hint}`]
    : [`guests: on kvm, with kernels that drive ${nested.gives}`];
}

function linesOf({ access, answer, counts, whyNot }: KvmState): string[] {
  if (access.state !== 'open')
    return [`kvm: ${access.why}, so machines run on tcg (emulation)`, `to mend it: ${access.hint}`];
  if (answer === null) return ['kvm: not tried yet; the next run with --accel auto tries it'];
  const { verdict, why, at, on } = answer;
  return [
    `kvm: ${VERDICTS[verdict]}: ${printable(why)}`,
    `when: ${at}, QEMU ${printable(on.qemu)}`,
    `where: kernel ${printable(on.kernel)}, ${printable(on.cpu)}`,
    counts
      ? 'the next run uses this answer; to try again: lab doctor --forget'
      : `the next run tries again: ${whyNot ?? ''}`,
  ];
}
