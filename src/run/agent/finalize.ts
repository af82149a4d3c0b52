// SPDX-License-Identifier: Apache-2.0
// SPDX-License-Identifier: Apache-2.0
// Finalizes the handover of kernels that need to be asked.
import type { Caller } from './client.js';

/**
 * A kernel with KHO but without LUO (6.18) hands something over only if user space asks it to finalize before the next
 * kernel is loaded; only then its debugfs shows what it hands over. Asking twice does no harm.
 */
export async function finalizeWithoutLuo({ agents }: { agents: Caller }): Promise<void> {
  const hello = await agents.call('hello', {});
  if (hello.data['device'] === false) await agents.call('finalize', {});
}
