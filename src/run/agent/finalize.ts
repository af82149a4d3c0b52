// SPDX-License-Identifier: Apache-2.0
import type { Caller } from './client.js';

/**
 * A kernel with KHO but without LUO (6.18) hands over only what user space asked it to finalize, before the next kernel
 * is loaded; only then its debugfs tells what it hands over. Asking twice does no harm.
 */
export async function finalizeWithoutLuo({ agents }: { agents: Caller }): Promise<void> {
  const hello = await agents.call('hello', {});
  if (hello.data['device'] === false) await agents.call('finalize', {});
}
