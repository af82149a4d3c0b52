// SPDX-License-Identifier: Apache-2.0
// Messages of the lab's positive control (lab/kernel/keep) about devices that it cannot take over. They imply no
// outcome: the effect is visible from outside.
import type { PatternGroup } from '../pattern.js';

const DEVICE = '(?:(?:pci|vfio-pci) \\S+: )?lukeep: ';
const lukeep = (rest: string): RegExp => new RegExp(`^${DEVICE}${rest}`);

export const KEEP_GROUP: PatternGroup = {
  name: 'lukeep',
  severity: 'luo',
  implies: null,
  shape: 'line',
  headers: ['lukeep: '],
  formats: [
    {
      re: lukeep("(pci|iommu) data says '([^']*)', this kernel reads '([^']*)'"),
      title: 'lukeep: {=1} data in another version',
      component: { wrote: 2, reads: 3 },
    },
    { re: lukeep('pci data is damaged'), title: 'lukeep: pci data is damaged', component: { name: 'labpci' } },
    { re: lukeep('iommu data is damaged'), title: 'lukeep: iommu data is damaged', component: { name: 'labiommu' } },
    {
      re: lukeep('the tables for requester \\S+ are damaged'),
      title: 'lukeep: the tables of a device are damaged',
      component: { name: 'labiommu' },
    },
    {
      re: lukeep('its IOMMU was not translating'),
      title: 'lukeep: the IOMMU of a device was not translating',
      component: { name: 'labiommu' },
    },
    {
      re: lukeep('device \\S+ is not at \\S+; it is missing'),
      title: 'lukeep: a device is missing',
      component: { name: 'labpci' },
    },
    {
      re: lukeep('device \\S+ is not at \\S+; there is one at'),
      title: 'lukeep: a device is at another address',
      component: { name: 'labpci' },
    },
    {
      re: lukeep('was reset on the way'),
      title: 'lukeep: a device was reset on the way',
      component: { name: 'labpci' },
    },
    { re: lukeep('BAR \\d+ moved'), title: 'lukeep: a BAR of a device moved', component: { name: 'labpci' } },
    {
      re: lukeep('the list of devices is damaged'),
      title: 'lukeep: the list of devices is damaged',
      component: { name: 'labpci' },
    },
    { re: lukeep('(.+) is not kept: (-\\w+)'), title: 'lukeep: a device is not kept: {=2}' },
    {
      re: lukeep('its tables have changed since they were preserved'),
      title: 'lukeep: the tables of a device have changed since they were preserved',
    },
    { re: lukeep('refuses to freeze'), title: 'lukeep: a device refuses to freeze' },
    {
      re: lukeep('(scalable mode|is attached to nothing|has a TLB)'),
      title: 'lukeep: a device cannot be preserved: {=1}',
    },
  ],
  suppress: [
    lukeep('.*on purpose'),
    lukeep('preserved, '),
    lukeep('kept, '),
    lukeep('\\d+ of \\d+ table pages are free again'),
    lukeep('forgets table page'),
  ],
};
