// SPDX-License-Identifier: Apache-2.0
// Components of the stock kernels, from the version strings in their images.
import { parseComponent, stockVersions } from '../../../src/compat/index.js';
import type { Manner } from '../../../src/model/kernel/component.js';
import type { KernelFacts } from '../../../src/compat/index.js';

const RESERVE = 'memblock-v1;reserve-mem-v1';

/** A kernel that writes what it reads. */
export function stock(release: string | null, components: string): KernelFacts {
  return { release, versions: components === '' ? [] : stockVersions(parseComponent(components)), known: true };
}

export const KERNELS = {
  '6.18.15': stock('6.18.15-lab', `kho-v1;${RESERVE}`),
  '6.19.11': stock('6.19.11-lab', `kho-v1;luo-v1;luo-session-v2;memfd-v1;${RESERVE}`),
  '7.1.13': stock('7.1.13-lab', `kho-v3;luo-v1;luo-session-v2;luo-flb-v1;memfd-v2;${RESERVE};kexec-metadata-v1`),
  '7.2.12': stock('7.2.12-lab', `kho-v4;luo-v5;memfd-v2;${RESERVE};kexec-metadata-v1`),
  '7.3.4': stock('7.3.4-lab', `kho-v4;luo-v5;memfd-v2;${RESERVE};kexec-metadata-v1`),
} satisfies Record<string, KernelFacts>;

export const LUO_KERNELS = ['6.19.11', '7.1.13', '7.2.12', '7.3.4'] as const;

/** 7.3.4 with the lab's own object. */
export function objectKernel(
  reads: number[],
  writes: number[],
  write: number,
  manner: Manner = { notation: 'token', check: 'late' },
): KernelFacts {
  const down = (versions: number[]) => versions.toSorted((a, b) => b - a);
  return {
    ...KERNELS['7.3.4'],
    versions: [
      ...KERNELS['7.3.4'].versions,
      { name: 'object', reads: down(reads), writes: down(writes), write, manner },
    ],
  };
}
