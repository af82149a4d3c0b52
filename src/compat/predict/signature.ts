// SPDX-License-Identifier: Apache-2.0
// A kernel in lockdown loads no image whose signature it cannot verify (kernel/kexec_file.c, kernel/kexec.c). The
// update then ends before it begins: the old kernel runs on, with everything in it.
import type { Scenario } from '../../model/scenario/scenario.js';
import { valuesOf } from '../binary/cmdline.js';
import { shouldSucceed } from '../rules/expected-steps.js';
import type { Ruling } from '../rules/ruling.js';
import type { KernelFacts } from '../versions/kernel-facts.js';

type Planned = Pick<Scenario, 'steps' | 'cmdlines' | 'sign'>;

const LEVELS: readonly string[] = ['integrity', 'confidentiality'];

/** Why the kernel of `epoch` does not load the next one; null if it does. */
export function signatureRuling({ steps, cmdlines, sign }: Planned, from: KernelFacts, epoch: number): Ruling | null {
  const rules = from.boot?.loading;
  if (rules === undefined) return null;
  const load = steps.findLast((step) => step.op === 'load' && step.epoch === epoch);
  // A scenario that demands the failure goes on after it.
  if (load !== undefined && !shouldSucceed(load)) return null;
  const asked = valuesOf(cmdlines[epoch] ?? '', 'lockdown').some((level) => LEVELS.includes(level));
  const locked = rules.lockdown === 'always' || (rules.lockdown === 'on-demand' && asked);
  if (load?.op === 'load' && load.via === 'legacy') return locked ? LEGACY : null;
  if (sign?.by === 'trusted') return null;
  const image = sign === undefined ? 'is not signed' : 'is signed with a key that it does not know';
  if (rules.signature === 'always')
    return unverified('loading the next kernel failed', `the old kernel wants a signature, and the image ${image}`);
  return locked && rules.signature === 'in-lockdown'
    ? unverified('EPERM', `the old kernel is locked down, and the image ${image}`)
    : null;
}

const REFUSED = { outcome: 'refused', endsIn: 'none', component: null } as const;

const LEGACY: Ruling = {
  ...REFUSED,
  where: 'kexec_load_check',
  signs: ['EPERM'],
  reason: 'the old kernel is locked down, so it refuses kexec_load',
};

function unverified(sign: string, reason: string): Ruling {
  return { ...REFUSED, where: 'kimage_validate_signature', signs: [sign], reason };
}
