// SPDX-License-Identifier: Apache-2.0
// Only what is the fault of KVM itself is a refusal. The texts are those of QEMU 7.2 and 10.0.
import { expect, it } from 'vitest';
import { judgeFailure } from '../../../src/host/kvm/failure.js';
import { MachineEnded } from '../../../src/run/machine/ending.js';
import { LabError } from '../../../src/util/errors.js';

/** As Machine.start() rejects: its own detail ends with the command line, which has `-accel kvm` in it. */
function notStarted(how: string, stderr: string): LabError {
  const cause = new LabError(how, { detail: stderr || null });
  return new LabError(`the machine did not start: ${how}`, { cause, detail: `${stderr}\nqemu -accel kvm` });
}

it.each([
  ['QEMU ended on its own (SIGKILL)', '', 'unknown'],
  ['QEMU ended on its own (SIGTERM)', 'qemu-system-x86_64: terminating on signal 15 from pid 1', 'unknown'],
  ['QEMU ended on its own (exit status 137)', '', 'unknown'],
  [
    'QEMU ended on its own (exit status 1)',
    'Could not access KVM kernel module: Permission denied\nqemu: failed to initialize kvm: Permission denied',
    'unknown',
  ],
  [
    'QEMU ended on its own (exit status 1)',
    'ioctl(KVM_CREATE_VM) failed: 16 Device or resource busy\nqemu: failed to initialize kvm: Device or resource busy',
    'unknown',
  ],
  ['QEMU ended on its own (exit status 1)', 'qemu: cannot set up guest memory: Cannot allocate memory', 'unknown'],
  ['QEMU ended on its own (exit status 1)', 'qemu: -netdev user: some other fault', 'unknown'],
  ['QEMU could not be started: spawn ENOENT', '', 'unknown'],
  ['no answer of the monitor within 30.0 s', '', 'unknown'],
  [
    'QEMU ended on its own (SIGABRT)',
    'error: failed to set MSR 0x48e to 0x1\nkvm_buf_set_msrs: Assertion `ret == cpu->kvm_msr_buf->nmsrs` failed.',
    'refused',
  ],
  ['QEMU ended on its own (exit status 134)', '', 'refused'],
  ['QEMU ended on its own (exit status 1)', 'qemu: failed to initialize kvm: Function not implemented', 'refused'],
  ['QEMU ended on its own (exit status 1)', "qemu: CPU model 'host' requires KVM or HVF", 'refused'],
])('%s: %s', (how, stderr, verdict) => {
  const judged = judgeFailure(notStarted(how, stderr));
  expect(judged.verdict).toBe(verdict);
  expect(judged.why).toContain(stderr.split('\n').at(-1) || how);
  expect(judged.why).not.toContain('-accel');
});

it('a kernel that panics or resets on KVM is a refusal', () => {
  expect(judgeFailure(new MachineEnded({ kind: 'panic', title: 'a kernel panicked', implies: 'panic' }))).toEqual({
    verdict: 'refused',
    why: 'on KVM a kernel panicked',
  });
});
