// SPDX-License-Identifier: Apache-2.0
// A kernel in lockdown loads no image whose signature it cannot verify (kernel/kexec_file.c, kernel/kexec.c). The
// update then ends before it begins: the old kernel runs on, with everything in it.
import type { Signer } from '../../model/kernel/signing.js';
import type { Scenario, Step } from '../../model/scenario/scenario.js';
import { valuesOf } from '../binary/cmdline.js';
import { shouldSucceed } from '../rules/expected-steps.js';
import type { Ruling } from '../rules/ruling.js';
import type { KernelFacts } from '../versions/kernel-facts.js';

/** How the image of the next kernel is loaded. */
export interface Loading {
  call: 'kexec_file_load' | 'kexec_load';
  /** Who signed the image; null if nobody did. */
  signer: Signer | null;
}

/** An image is loaded as it was built, unless a scenario says something else. */
const AS_BUILT: Loading = { call: 'kexec_file_load', signer: null };

const LEVELS: readonly string[] = ['integrity', 'confidentiality'];

/** How a scenario loads the next kernel. */
export function loadingOf({ steps, sign }: Pick<Scenario, 'steps' | 'sign'>, epoch: number): Loading {
  const load = loadIn(steps, epoch);
  return {
    call: load?.op === 'load' && load.via === 'legacy' ? 'kexec_load' : 'kexec_file_load',
    signer: sign?.by ?? null,
  };
}

function loadIn(steps: Scenario['steps'], epoch: number): Step | undefined {
  return steps.findLast((step) => step.op === 'load' && step.epoch === epoch);
}

/** Why a kernel with this command line does not load the next one; null if it does. */
export function loadingRuling(
  { boot }: KernelFacts,
  cmdline: string,
  { call, signer }: Loading = AS_BUILT,
): Ruling | null {
  const rules = boot?.loading;
  if (rules === undefined) return null;
  const asked = valuesOf(cmdline, 'lockdown').some((level) => LEVELS.includes(level));
  const locked = rules.lockdown === 'always' || (rules.lockdown === 'on-demand' && asked);
  if (call === 'kexec_load') return locked ? LEGACY : null;
  if (signer === 'trusted') return null;
  const image = signer === null ? 'is not signed' : 'is signed with a key that it does not know';
  if (rules.signature === 'always')
    return unverified('loading the next kernel failed', `the old kernel wants a signature, and the image ${image}`);
  return locked && rules.signature === 'in-lockdown'
    ? unverified('EPERM', `the old kernel is locked down, and the image ${image}`)
    : null;
}

/** The same for the kernel of `epoch` in a scenario. One that demands the failure goes on after it. */
export function signatureRuling(
  scenario: Pick<Scenario, 'steps' | 'cmdlines' | 'sign'>,
  from: KernelFacts,
  epoch: number,
): Ruling | null {
  const load = loadIn(scenario.steps, epoch);
  if (load !== undefined && !shouldSucceed(load)) return null;
  return loadingRuling(from, scenario.cmdlines[epoch] ?? '', loadingOf(scenario, epoch));
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
