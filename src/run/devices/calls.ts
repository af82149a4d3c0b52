// SPDX-License-Identifier: Apache-2.0
// Calls of the agent about devices.
import type { AgentReply } from '../../guest/agent.js';
import type { Needs } from '../engine/parts.js';
import type { DeviceState } from '../state/device.js';
import { PASSED, type StepReply } from '../agent/reply.js';

/** The agent's name of a device's descriptor; the prefix keeps it apart from the files of the scenario. */
export function agentName(device: DeviceState): string {
  return agentNameOf(device.spec.name);
}

export function agentNameOf(device: string): string {
  return `dev:${device}`;
}

/** The agent's name of the iommufd that a device is bound to. */
export function iommufdName(device: DeviceState): string {
  return `iommu:${device.spec.name}`;
}

/** Sends one request to the agent; its deadline allows for `bytes` of memory. */
export async function ask(
  { agents }: Needs<'agents'>,
  op: string,
  args: Record<string, string | number>,
  bytes = 0,
): Promise<AgentReply> {
  return agents.call(op, args, { bytes: bytes });
}

/** Enables the device's access to memory, once: after its first mappings and before its first transfer. */
export async function attach(parts: Needs<'agents'>, device: DeviceState): Promise<StepReply> {
  if (device.attached) return PASSED;
  const reply = await ask(parts, 'vfio-attach', { device: agentName(device) });
  device.attached = reply.ok;
  return reply;
}
