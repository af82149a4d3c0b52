// SPDX-License-Identifier: Apache-2.0
// The running kernel loads the next one.
import type { AgentReply } from '../../guest/agent.js';
import { finalizeWithoutLuo } from '../agent/finalize.js';
import type { Needs } from '../engine/parts.js';
import { INITRD_DISK, nextKernel } from '../machine/layout.js';

/** Loads the kernel of the next epoch. The kernel and its initramfs are on disks of the machine. */
export async function loadNext(
  { plan, recorder, state, agents }: Needs<'plan' | 'recorder' | 'state' | 'agents'>,
  via: 'file' | 'legacy',
): Promise<AgentReply> {
  await finalizeWithoutLuo({ agents });
  const { kernelDisk, kernelSize, cmdline } = nextKernel(plan, recorder.epoch + 1);
  const reply = await agents.call(
    'load',
    { kernel: kernelDisk, kernelSize, initrd: INITRD_DISK, initrdSize: plan.rootfs.size, cmdline, via },
    { bytes: kernelSize + plan.rootfs.size },
  );
  state.loaded = reply.ok;
  if (reply.ok) recorder.event({ kind: 'kexec', state: 'loaded' });
  return reply;
}
