// SPDX-License-Identifier: Apache-2.0
// Messages of the series that preserve PCI devices (for 7.4 and later) about devices that they do not hand over. They
// imply no outcome: the call or the kexec fails, and the effect is visible there. Their panics are in kernel.ts; why a
// freeze failed (`Freeze failed! Interrupts are still enabled.`) is kept with LUO's own line (handover.ts).
import type { PatternGroup } from '../pattern.js';

/** `vfio-pci 0000:00:05.0: `, as dev_warn() prints it. */
const device = (rest: string): RegExp => new RegExp(`^(?:[\\w-]+ [0-9a-f]{4}:[0-9a-f:.]+: )?${rest}`);

export const SERIES_GROUP: PatternGroup = {
  name: 'pci-liveupdate',
  severity: 'luo',
  implies: null,
  shape: 'line',
  headers: [
    'Cannot preserve Virtual Functions',
    'Refusing to preserve device that relies on ACS quirks',
    'Not assigning bus numbers, preserved bridge',
  ],
  formats: [
    { re: device('Cannot preserve Virtual Functions'), title: 'PCI: virtual functions cannot be preserved' },
    {
      re: device('Refusing to preserve device that relies on ACS quirks'),
      title: 'PCI: a device that relies on ACS quirks is not preserved',
    },
    {
      re: device('Not assigning bus numbers, preserved bridge'),
      title: 'PCI: no bus numbers are assigned below a preserved bridge',
      component: { name: 'pci' },
    },
  ],
};
