// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { MachineConfig } from '../../src/qemu/args.js';
import { commandLineOf } from '../../src/qemu/process.js';

const CONFIG: MachineConfig = {
  name: 'lab-1',
  accel: 'tcg',
  memory: 2 ** 30,
  cpus: 2,
  kernel: '/k/bzImage',
  initrd: '/k/initrd',
  cmdline: 'console=ttyS0',
  disks: [],
  dir: '/tmp/lab-x',
  extra: [],
};

it('the command of a resumed machine is that of one that boots, and says so', () => {
  const resumed = commandLineOf({
    ...CONFIG,
    resumed: { ramFile: '/cache/snapshots/jump.ram', opening: 'read-write' },
  });
  const [note, ...command] = resumed.split('\n');
  expect(note).toMatch(/^# .*snapshot.*boots the same one/);
  expect(command.join('\n')).toBe(commandLineOf(CONFIG));
  expect(resumed).not.toMatch(/jump\.ram|-incoming|-S\b/);
});
