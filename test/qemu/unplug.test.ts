// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { DeviceSpec } from '../../src/model/scenario/device.js';
import { unplug } from '../../src/qemu/unplug.js';

const device = (behind: string | null) => ({ name: 'e', slot: 0, behind }) as DeviceSpec;

function monitor(state: 'running' | 'stopped', fails = '') {
  const said: string[] = [];
  return {
    said,
    command: (name: string) => {
      said.push(name);
      return name === fails
        ? Promise.reject(new Error(name))
        : Promise.resolve(name === 'query-status' ? { running: state === 'running' } : name === 'qom-get' ? 1 : {});
    },
    human: (line: string) =>
      Promise.resolve((said.push(line), line.startsWith('i') ? 'portl[0x0cd0] = 0x00000003\r\n' : '')),
  };
}
const EJECTED = ['device_del', 'qom-get', 'i /w 0xcd0', 'o /w 0xcd0 1', 'o /w 0xcc8 1', 'o /w 0xcd0 0x00000003'];

it('the machine is paused while the device is removed and its slot ejected', async () => {
  const qemu = monitor('running');
  await unplug(qemu, device('rp0'));
  expect(qemu.said).toEqual(['query-status', 'stop', ...EJECTED, 'cont']);
});

it('a machine that was paused stays paused', async () => {
  const qemu = monitor('stopped');
  await unplug(qemu, device('rp0'));
  expect(qemu.said).toEqual(['query-status', ...EJECTED]);
});

it('the machine is resumed if QEMU refuses', async () => {
  const qemu = monitor('running', 'device_del');
  await expect(unplug(qemu, device('rp0'))).rejects.toThrow('device_del');
  expect(qemu.said).toEqual(['query-status', 'stop', 'device_del', 'cont']);
});

it('nothing can be unplugged from the root bus', () =>
  expect(unplug(monitor('running'), device(null))).rejects.toThrow('root bus'));
