// SPDX-License-Identifier: Apache-2.0
// Creates a guest. From then on, its memory and its state are files that can be preserved.
import { numberOf } from '../../guest/agent.js';
import { guestFiles, type GuestSpec } from '../../model/scenario/guest.js';
import { Snapshot } from '../../oracles/guest/index.js';
import { PASSED, type StepReply } from '../agent/reply.js';
import { agentNameOf } from '../devices/calls.js';
import type { Needs } from '../engine/parts.js';
import { nextKernel } from '../machine/layout.js';
import { GuestState } from '../state/guest.js';
import { askGuest } from './calls.js';

/** A Linux guest boots the kernel of the next epoch; its user space is in the machine's root file system. */
const LINUX_INITRD = '/lib/lab/guest-linux.cpio';
const LINUX_CMDLINE =
  'quiet console=ttyS0 nokaslr mitigations=off acpi=off pci=off panic=-1 no_timer_check tsc=nowatchdog';
/** Microseconds. */
const MIN_PERIOD = 10_000;
const PERIOD_PER_VCPU = 4_000;

export async function create(parts: Needs<'plan' | 'state' | 'agents'>, spec: GuestSpec): Promise<StepReply> {
  const { state } = parts;
  const { name, kind, vcpus, size, seed, features, devices } = spec;
  const guest = new GuestState(spec);
  state.guests.set(name, guest);
  const files = guestFiles(name);
  const own = kind === 'bare' ? { seed, period: periodOf(parts) } : linuxArgs(parts);
  const reply = await askGuest(
    parts,
    'guest-create',
    {
      guest: name,
      kind,
      vcpus,
      size,
      file: files.ram,
      state: files.state,
      ...own,
      ...(features.length > 0 ? { features: features.join(',') } : {}),
      ...(devices.length > 0 ? { devices: devices.map(agentNameOf).join(',') } : {}),
    },
    size,
  );
  if (!reply.ok) return reply;
  guest.here = true;
  const common = { guest: spec, seed, holes: [] };
  for (const each of [
    { kind: 'guest-ram' as const, file: files.ram, size, ...common },
    { kind: 'guest-state' as const, file: files.state, size: numberOf(reply, 'stateSize'), ...common },
  ]) {
    state.files.set(each.file, {
      name: each.file,
      spec: each,
      pattern: new Snapshot(),
      preservedIn: [],
      runs: [],
      before: null,
      inside: null,
      hugeKiB: 0,
    });
  }
  return PASSED;
}

/**
 * Microseconds between two ticks of a bare guest. The period grows with the number of vCPUs, so that all guests
 * together tick a few hundred times a second at most.
 */
export function periodOf({ plan }: Needs<'plan'>): number {
  const vcpus = plan.scenario.steps.reduce(
    (sum, step) => (step.op === 'guest-create' ? sum + step.spec.vcpus : sum),
    0,
  );
  return Math.max(MIN_PERIOD, vcpus * PERIOD_PER_VCPU);
}

function linuxArgs(parts: Needs<'plan'>): Record<string, string | number> {
  const { kernelDisk, kernelSize } = nextKernel(parts.plan, 1);
  return { kernel: kernelDisk, kernelSize, initrd: LINUX_INITRD, cmdline: LINUX_CMDLINE };
}
