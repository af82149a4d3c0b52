// SPDX-License-Identifier: Apache-2.0
// Asks once for each host whether hardware breakpoints fire on its KVM, and remembers the answer like that about KVM.
import { readFileSync } from 'node:fs';
import { readSymbols } from '../images/abi/handover-format.js';
import { findProgram } from '../images/index.js';
import type { KernelImage } from '../model/kernel/image.js';
import { QEMU } from '../qemu/process.js';
import { answerFor, type ProbeRequest, startProbe } from './accel.js';
import { probeBreakpoints } from './kvm/breakpoints.js';
import type { ProbeAnswer } from './kvm/failure.js';
import { hostIdentity } from './kvm/identity.js';

/** Runs once in each boot, long before user space. */
const FUNCTION = 'kernel_init';

export async function breakpointsOnKvm(request: ProbeRequest): Promise<ProbeAnswer> {
  const { kernel, signal } = request;
  const address = addressIn(kernel);
  if (address === null)
    return { verdict: 'unknown', why: `${kernel.name} does not say where its function ${FUNCTION} is` };
  const on = await hostIdentity(findProgram(QEMU) ?? QEMU, signal);
  return answerFor(on, {
    ...request,
    about: 'breakpoints',
    probe: async () => {
      const answer = await probeBreakpoints(() => startProbe('kvm', request, ['-S']), address);
      // An abort ends the machine, which tells nothing about breakpoints.
      signal.throwIfAborted();
      return answer;
    },
  });
}

function addressIn({ systemMap }: KernelImage): bigint | null {
  return systemMap === null ? null : (readSymbols(readFileSync(systemMap, 'latin1')).get(FUNCTION) ?? null);
}
