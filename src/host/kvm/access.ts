// SPDX-License-Identifier: Apache-2.0
// May this user open /dev/kvm? If not, says why and how to mend it.
import { accessSync, constants, statSync } from 'node:fs';
import { userInfo } from 'node:os';

export const KVM_DEVICE = '/dev/kvm';

export type KvmAccess = { state: 'open' } | { state: 'missing' | 'denied'; why: string; hint: string };

/** Tests replace both: the device, and the check, which root always passes. */
export function kvmAccess(path: string = KVM_DEVICE, check: typeof accessSync = accessSync): KvmAccess {
  try {
    check(path, constants.R_OK | constants.W_OK);
    return { state: 'open' };
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? missing(path) : denied(path);
  }
}

function missing(path: string): KvmAccess {
  return {
    state: 'missing',
    why: `there is no ${path}`,
    hint: 'if the processor has VT-x or AMD-V and the BIOS enables it: sudo modprobe kvm_intel, or kvm_amd',
  };
}

/** Distributions give the device to the group kvm. Without that, its owner must do so first. */
function denied(path: string): KvmAccess {
  const join = `sudo usermod -aG kvm ${userName()}, then log in again`;
  return {
    state: 'denied',
    why: `this user may not open ${path}`,
    hint: groupMayOpen(path) ? join : `sudo chgrp kvm ${path}; sudo chmod 660 ${path}; ${join}`,
  };
}

function groupMayOpen(path: string): boolean {
  try {
    const { mode, gid } = statSync(path);
    return (mode & 0o060) === 0o060 && gid !== 0;
  } catch {
    return true;
  }
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run a user that has no name.
    return 'USER';
  }
}
