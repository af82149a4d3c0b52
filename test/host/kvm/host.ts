// SPDX-License-Identifier: Apache-2.0
// A host and an answer about its KVM, for tests.
import type { HostIdentity } from '../../../src/host/kvm/identity.js';
import type { StoredAnswer } from '../../../src/host/kvm/memory.js';

export const HOST: HostIdentity = {
  host: 'this',
  qemu: '10.0.13',
  binary: '/usr/bin/qemu 1 1 1',
  kernel: '6.12.0',
  cpu: 'Xeon, vmx',
};

export function answerOf(change: Partial<StoredAnswer>): StoredAnswer {
  return { verdict: 'refused', why: 'a reason', at: '2026-11-28T11:00:00.000Z', on: HOST, ...change };
}
