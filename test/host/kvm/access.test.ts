// SPDX-License-Identifier: Apache-2.0
// What a user is told who cannot use KVM.
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { kvmAccess } from '../../../src/host/kvm/access.js';
import { processorOf, versionOf } from '../../../src/host/kvm/identity.js';
import { temporaryFolder } from '../../util/temporary.js';

it('a host without the device is told which module to load', () => {
  const access = kvmAccess(join(temporaryFolder(), 'kvm'));
  expect(access).toMatchObject({ state: 'missing', hint: expect.stringContaining('modprobe kvm_intel') as string });
});

it('a device that opens needs no advice', () => {
  const path = join(temporaryFolder(), 'kvm');
  writeFileSync(path, '');
  expect(kvmAccess(path)).toEqual({ state: 'open' });
});

/** The user is not root, and not in the group of the device. */
const forbidden = () => {
  throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
};

it('a user without the right is told how to get it', () => {
  const path = join(temporaryFolder(), 'kvm');
  writeFileSync(path, '');
  chmodSync(path, 0o600);
  const access = kvmAccess(path, forbidden);
  expect(access).toMatchObject({ state: 'denied', why: `this user may not open ${path}` });
  // Nobody but the owner may open this one: the group comes first.
  const group = new RegExp(`^sudo chgrp kvm ${path}; sudo chmod 660 ${path}; sudo usermod -aG kvm \\S+, then log in`);
  expect(access).toMatchObject({ hint: expect.stringMatching(group) as string });
});

it.each([
  ['QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)\nCopyright', '7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)'],
  ['QEMU emulator version 10.0.13\n', '10.0.13'],
  ['', 'unknown'],
])('QEMU names its version: %s', (text, version) => {
  expect(versionOf(text)).toBe(version);
});

it('a processor is its model and the virtualization that it shows', () => {
  const of = (flags: string) => processorOf(`processor : 0\nmodel name\t: EPYC 7B13\nflags\t\t: fpu ${flags} sse\n`);
  expect(of('svm')).toBe('EPYC 7B13, svm');
  expect(of('svm_lock')).toBe('EPYC 7B13, neither vmx nor svm');
  expect(processorOf('')).toBe('unknown, neither vmx nor svm');
});
