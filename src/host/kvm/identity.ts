// SPDX-License-Identifier: Apache-2.0
// What an answer about KVM depends on: QEMU, the host's kernel and its processor. If one of them changes, the lab
// tries again.
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { hostname, release, version } from 'node:os';
import { z } from 'zod';
import { runCommand } from '../../util/process/command.js';

export const identitySchema = z.object({
  host: z.string(),
  /** QEMU's version, as it says itself. */
  qemu: z.string(),
  /** Its file: a package with the same version may have been built again. */
  binary: z.string(),
  kernel: z.string(),
  cpu: z.string(),
});
export type HostIdentity = z.infer<typeof identitySchema>;

/** Characters of a name that is stored and shown. */
const MAX_NAME = 200;

export async function hostIdentity(binary: string, signal?: AbortSignal): Promise<HostIdentity> {
  const path = realpathSync(binary);
  const { size, mtimeMs, ino } = statSync(path);
  const { stdout } = await runCommand([path, '--version'], { maxOutput: 4096, signal });
  return {
    host: hostname(),
    qemu: versionOf(stdout),
    binary: `${path} ${size} ${Math.round(mtimeMs)} ${ino}`,
    kernel: `${release()} ${version()}`.slice(0, MAX_NAME),
    cpu: processorOf(readCpuinfo()),
  };
}

/** Parses `QEMU emulator version 10.0.13 (Debian 1:10.0.13+ds-0+deb13u1)`. */
export function versionOf(text: string): string {
  return (/version (.+)$/m.exec(text)?.[1] ?? 'unknown').trim().slice(0, MAX_NAME);
}

/** The model, and which virtualization the processor shows: a BIOS or an outer hypervisor may switch it on later. */
export function processorOf(cpuinfo: string): string {
  const field = (name: string) => new RegExp(`^${name}\\s*:(.*)$`, 'm').exec(cpuinfo)?.[1]?.trim() ?? '';
  const flags = field('flags').split(/\s+/);
  const virtualization = ['vmx', 'svm'].filter((flag) => flags.includes(flag)).join(' ');
  return `${field('model name') || 'unknown'}, ${virtualization || 'neither vmx nor svm'}`.slice(0, MAX_NAME);
}

function readCpuinfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return '';
  }
}

export function sameIdentity(a: HostIdentity, b: HostIdentity): boolean {
  return a.host === b.host && a.qemu === b.qemu && a.binary === b.binary && a.kernel === b.kernel && a.cpu === b.cpu;
}
