// SPDX-License-Identifier: Apache-2.0
// What every call of the agent about a device shares.
import type { AgentReply } from '../../guest/agent.js';
import type { Needs } from '../engine/parts.js';
import type { DeviceState } from '../state/device.js';
import { PASSED, type StepReply } from '../agent/reply.js';

/** Name that the agent has a device's descriptor under, apart from the files of the scenario. */
export function agentName(device: DeviceState): string {
  return agentNameOf(device.spec.name);
}

export function agentNameOf(device: string): string {
  return `dev:${device}`;
}

/** The same of the iommufd that it is bound to. */
export function iommufdName(device: DeviceState): string {
  return `iommu:${device.spec.name}`;
}

/** One request to the agent, with the deadline of one that handles `bytes` of memory. */
export async function ask(
  { agents }: Needs<'agents'>,
  op: string,
  args: Record<string, string | number>,
  bytes = 0,
): Promise<AgentReply> {
  return agents.call(op, args, { bytes: bytes });
}

/** Turns the device's own access to memory on, once: after its first mappings, before its first transfer. */
export async function attach(parts: Needs<'agents'>, device: DeviceState): Promise<StepReply> {
  if (device.attached) return PASSED;
  const reply = await ask(parts, 'vfio-attach', { device: agentName(device) });
  device.attached = reply.ok;
  return reply;
}
