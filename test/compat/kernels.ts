// SPDX-License-Identifier: Apache-2.0
// Components of the stock kernels, as read from the version strings in their images.
import { parseComponent } from '../../src/compat/index.js';
import type { KernelFacts } from '../../src/compat/index.js';

const RESERVE = 'memblock-v1;reserve-mem-v1';

export const KERNELS = {
  '6.18.15': { release: '6.18.15-lab', components: parseComponent(`kho-v1;${RESERVE}`) },
  '6.19.11': { release: '6.19.11-lab', components: parseComponent(`kho-v1;luo-v1;luo-session-v2;memfd-v1;${RESERVE}`) },
  '7.1.13': { release: '7.1.13-lab', components: parseComponent(`kho-v3;luo-v1;luo-session-v2;luo-flb-v1;memfd-v2;${RESERVE};kexec-metadata-v1`) },
  '7.2.12': { release: '7.2.12-lab', components: parseComponent(`kho-v4;luo-v5;memfd-v2;${RESERVE};kexec-metadata-v1`) },
  '7.3.4': { release: '7.3.4-lab', components: parseComponent(`kho-v4;luo-v5;memfd-v2;${RESERVE};kexec-metadata-v1`) },
} satisfies Record<string, KernelFacts>;

export const LUO_KERNELS = ['6.19.11', '7.1.13', '7.2.12', '7.3.4'] as const;
