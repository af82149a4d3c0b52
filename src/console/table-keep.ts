// SPDX-License-Identifier: Apache-2.0
// What the lab's positive control says of devices that it does not take over (lab/kernel/keep). What comes of it shows
// from outside.
import type { PatternGroup } from './table.js';

const DEVICE = '(?:(?:pci|vfio-pci) \\S+: )?lukeep: ';
const says = (rest: string): RegExp => new RegExp(`^${DEVICE}${rest}`);

export const KEEP_GROUP: PatternGroup = {
  name: 'lukeep',
  severity: 'luo',
  implies: null,
  shape: 'line',
  headers: ['lukeep: '],
  formats: [
    {
      re: says("(pci|iommu) data says '([^']*)', this kernel reads '([^']*)'"),
      title: 'lukeep: {=1} data in another version',
      component: { wrote: 2, reads: 3 },
    },
    { re: says('pci data is damaged'), title: 'lukeep: pci data is damaged', component: { name: 'labpci' } },
    { re: says('iommu data is damaged'), title: 'lukeep: iommu data is damaged', component: { name: 'labiommu' } },
    {
      re: says('the tables for requester \\S+ are damaged'),
      title: 'lukeep: the tables of a device are damaged',
      component: { name: 'labiommu' },
    },
    {
      re: says('its IOMMU was not translating'),
      title: 'lukeep: the IOMMU of a device was not translating',
      component: { name: 'labiommu' },
    },
    {
      re: says('device \\S+ is not at \\S+; it is missing'),
      title: 'lukeep: a device is missing',
      component: { name: 'labpci' },
    },
    {
      re: says('device \\S+ is not at \\S+; there is one at'),
      title: 'lukeep: a device is at another address',
      component: { name: 'labpci' },
    },
    { re: says('was reset on the way'), title: 'lukeep: a device was reset on the way', component: { name: 'labpci' } },
    { re: says('BAR \\d+ moved'), title: 'lukeep: a BAR of a device moved', component: { name: 'labpci' } },
    {
      re: says('the list of devices is damaged'),
      title: 'lukeep: the list of devices is damaged',
      component: { name: 'labpci' },
    },
    { re: says('(.+) is not kept: (-\\w+)'), title: 'lukeep: a device is not kept: {=2}' },
    {
      re: says('its tables have changed since they were preserved'),
      title: 'lukeep: the tables of a device have changed since they were preserved',
    },
    { re: says('refuses to freeze'), title: 'lukeep: a device refuses to freeze' },
    {
      re: says('(scalable mode|is attached to nothing|has a TLB)'),
      title: 'lukeep: a device cannot be preserved: {=1}',
    },
  ],
  suppress: [
    says('.*on purpose'),
    says('preserved, '),
    says('kept, '),
    says('\\d+ of \\d+ table pages are free again'),
    says('forgets table page'),
  ],
};
