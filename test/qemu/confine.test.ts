// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { MachineConfig } from '../../src/qemu/args.js';
import { exitOf, needsOfQemu } from '../../src/qemu/confine.js';

const CONFIG: MachineConfig = {
  name: 'x',
  accel: 'tcg',
  memory: 1 << 30,
  cpus: 2,
  kernel: '/c/a/bzImage',
  initrd: '/c/initrd',
  cmdline: '',
  disks: [{ serial: 'k', path: '/c/b/bzImage' }],
  dir: '/tmp/run',
  extra: [],
};

describe('QEMU needs', () => {
  it('its kernels, its folder and no device', () =>
    expect(needsOfQemu(CONFIG)).toMatchObject({
      read: ['/c/a/bzImage', '/c/initrd', '/c/b/bzImage'],
      write: ['/tmp/run'],
      devices: [],
      network: 'listen',
    }));

  it('/dev/kvm only for KVM', () => expect(needsOfQemu({ ...CONFIG, accel: 'kvm' }).devices).toEqual(['/dev/kvm']));

  it('more address space than the machine has memory: QEMU would end otherwise', () =>
    expect(needsOfQemu(CONFIG).limits?.memory).toBeGreaterThan((1 << 30) + 2 * 2 ** 30));

  it('the existing files that trusted arguments name', () => {
    const extra = ['-drive', 'file=/etc/hostname,if=none', '-D', '/dev/null', '-x', 'path=/no/such/file'];
    expect(needsOfQemu({ ...CONFIG, extra })).toMatchObject({
      write: ['/tmp/run', '/etc/hostname'],
      devices: ['/dev/null'],
    });
  });
});

it('an end by a signal is told as one, though bubblewrap gives it as a number', () => {
  const bwrap = { kind: 'bwrap', user: 'own', why: null } as const;
  expect(exitOf({ code: 139, signal: null }, bwrap)).toEqual({ code: null, signal: 'SIGSEGV' });
  expect(exitOf({ code: 1, signal: null }, bwrap)).toEqual({ code: 1, signal: null });
  expect(exitOf({ code: 139, signal: null }, { ...bwrap, kind: 'setpriv' })).toEqual({ code: 139, signal: null });
});
