// SPDX-License-Identifier: Apache-2.0
// What the agent says of devices where there is none: the rest needs a machine with a device to give away.
import { describe, expect, it } from 'vitest';
import { agent, failed, useFreshAgent } from './fresh-agent.js';

useFreshAgent();

/** An address that no host has: the last function of the last device of the last bus. */
const NOWHERE = 'ffff:ff:1f.7';

describe('vfio-open', () => {
  it.each([
    '',
    '00:05.0',
    '0000:00:05',
    '0000:00:05.8',
    '0000:00:05.0x',
    '0000:00:0G.0',
    '0000:00:0A.0',
    '../../etc/x.0',
    '0000:00:05.0/..',
  ])('takes no %j for an address', async (address) => {
    expect(await agent.ask(`1 vfio-open device=edu0 address=${address}`)).toEqual(
      failed('BADREQ', /an address is like 0000:00:05\.0/),
    );
  });

  it('finds no device where there is none', async () => {
    expect(await agent.ask(`1 vfio-open device=edu0 address=${NOWHERE}`)).toEqual(
      failed('ENODEV', /no PCI device ffff:ff:1f\.7/),
    );
  });

  it('binds none either', async () => {
    expect(await agent.ask(`1 vfio-bind address=${NOWHERE}`)).toEqual(failed('ENODEV', /no PCI device ffff:ff:1f\.7/));
    expect(await agent.ask('2 vfio-bind address=../../etc/x.0')).toEqual(failed('BADREQ', /an address is like/));
  });

  it.each([
    ['via=magic', 'BADREQ', /cdev or group/],
    ['via=group iommufd=x', 'BADREQ', /a group has no iommufd/],
    ['via=group retrieved=1', 'BADREQ', /a group has no iommufd/],
    ['retrieved=1', 'NOHANDLE', /file edu0/],
    ['retrieved=2', 'BADREQ', /retrieved/],
    ['iommufd=taken', 'BADREQ', /a file taken already/],
  ])('refuses %s', async (keys, errno, at) => {
    expect(await agent.ask('1 memfd file=taken size=4096 seed=1')).toMatchObject({ ok: true });
    expect(await agent.ask(`2 vfio-open device=edu0 address=${NOWHERE} ${keys}`)).toEqual(failed(errno, at));
    expect(await agent.ask(`3 vfio-open device=taken address=${NOWHERE}`)).toEqual(
      failed('BADREQ', /a file taken already/),
    );
  });
});

describe('a device that was never opened', () => {
  it.each([
    'vfio-map file=a iova=0',
    'vfio-unmap iova=0',
    'vfio-attach',
    'vfio-config',
    'vfio-region region=0 offset=0 length=4',
    'vfio-irq',
    'vfio-close',
    'edu-dma direction=to-device iova=0 offset=0 length=4',
    'edu-start direction=to-device iova=0 offset=0 length=4',
    'edu-wait',
    'edu-state',
    'edu-set liveness=1',
  ])('has no %s', async (op) => {
    const [name = '', ...keys] = op.split(' ');
    expect(await agent.ask(`1 ${[name, 'device=edu0', ...keys].join(' ')}`)).toEqual(failed('NOHANDLE', /device edu0/));
    // A file is no device, even where it bears the name.
    expect(await agent.ask('2 memfd file=edu0 size=4096 seed=1')).toMatchObject({ ok: true });
    expect(await agent.ask(`3 ${[name, 'device=edu0', ...keys].join(' ')}`)).toEqual(failed('NOHANDLE', /device edu0/));
  });
});
