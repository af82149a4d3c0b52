// SPDX-License-Identifier: Apache-2.0
// The next kernel is loaded by the running one.
import type { AgentReply } from '../../guest/agent.js';
import type { RunContext } from '../engine/context.js';
import { INITRD_DISK, nextKernel } from '../machine/layout.js';
import { finalizeWithoutLuo } from '../agent/user-space.js';

/** Loads the kernel of the next epoch; the machine finds it and its initramfs on the disks that the lab put in. */
export async function loadNext(context: RunContext, via: 'file' | 'legacy'): Promise<AgentReply> {
  const { plan, recorder, agent, deadlines, machine } = context;
  const next = recorder.epoch + 1;
  await finalizeWithoutLuo(context);
  const { kernelDisk, kernelSize, cmdline } = nextKernel(context, next);
  const reply = await agent.request(
    'load',
    { kernel: kernelDisk, kernelSize, initrd: INITRD_DISK, initrdSize: plan.rootfs.size, cmdline, via },
    deadlines.request(kernelSize + plan.rootfs.size),
    machine.ended,
  );
  context.loaded = reply.ok;
  if (reply.ok) recorder.event({ kind: 'kexec', state: 'loaded' });
  return reply;
}
