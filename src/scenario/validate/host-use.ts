// SPDX-License-Identifier: Apache-2.0
// Checks what a scenario that is not trusted would use of this host. The rule itself is in src/trust.
import type { HostRule, HostUse } from '../../model/scenario/host-use.js';
import type { MachineSpec } from '../../model/scenario/scenario.js';
import type { Path } from '../source/document.js';
import type { Problems } from '../source/problems.js';
import type { Draft } from '../steps/step-list.js';

/** Adds a problem if the rule refuses the use. Returns true if it does. */
export function refuse(rule: HostRule, use: HostUse, path: Path, problems: Problems): boolean {
  const refusal = rule.refusal(use);
  if (refusal === null) return false;
  problems.add(refusal.index === undefined ? path : [...path, refusal.index], refusal.message, refusal.hint);
  return true;
}

/** Also tells each upload in which folder its file must lie when it is read. */
export function checkHostUse(machine: MachineSpec, drafts: readonly Draft[], rule: HostRule, problems: Problems): void {
  refuse(rule, { kind: 'qemu-args', args: machine.qemuArgs }, ['machine', 'qemuArgs'], problems);
  refuse(rule, { kind: 'memory', bytes: machine.memory }, ['machine', 'memory'], problems);
  refuse(rule, { kind: 'cpus', count: machine.cpus }, ['machine', 'cpus'], problems);
  for (const { step, path } of drafts) {
    if (step.op !== 'upload') continue;
    refuse(rule, { kind: 'file', path: step.from }, [...path, 'from'], problems);
    step.within = rule.folder;
  }
}
