// SPDX-License-Identifier: Apache-2.0
// Devices in predictions: handlers with other names, the positive control's command line, faults.
import { describe, expect, it } from 'vitest';
import { comparePair, hardwarePart, predictScenario, withCmdline } from '../../../src/compat/index.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { KERNELS, stock } from './kernels.js';

const KEEP = stock('7.3.4-lab', 'kho-v4;luo-v5;memfd-v2;labvfio-v1;labpci-v1;labiommu-v1');
const STOCK = KERNELS['7.3.4'];
/** Upstream's own series, whose PCI data has a number as version. */
const series = (pci: number) => stock('7.4.0', `kho-v4;luo-v5;memfd-v2;vfio-pci-v1;pci ${pci}`);
const SERIES = series(2);
/** What its first phase can do: the device keeps its address, and no interrupt is set up. */
const ADDRESS = 'preserve: {level: address}, interrupts: "off", session: vm0';

function predicted(
  rest: string,
  { device = 'preserve: required, session: vm0', from = KEEP, to = KEEP, iommu = 'intel' } = {},
) {
  const text =
    `from: a\nto: b\niommu: ${iommu}\nsessions: [{name: vm0, files: [{name: ram, memfd: 1MiB}]}]\n` +
    `devices: [{name: e, device: edu, at: "00.0", behind: rp0, ${device}, ` +
    `map: [{file: vm0/ram, iova: 0x100000}]}]\n${rest}`;
  const { outcome, endsIn, reasons } = predictScenario(parseScenario(text, 'x.yaml'), [from, to])!;
  return [outcome, endsIn, reasons[0]];
}

it.each([
  ['labvfio', 'vfio'],
  ['vfio-pci', 'vfio'],
  ['iommufd', 'iommu'],
  ['intel-iommu', 'iommu'],
  ['pci', 'pci'],
  ['memfd', null],
  ['object', null],
])('%s is about %s', (name, part) => expect(hardwarePart(name)).toBe(part));

describe('a device that LUO must carry', () => {
  it.each<[string, string, Parameters<typeof predicted>[1], string, string, RegExp]>([
    ['both have the handler', '', {}, 'preserved', 'none', /agree/],
    ['the old kernel has none', '', { from: STOCK }, 'refused', 'none', /no handler for a device's descriptor/],
    ['the next one has none', '', { to: STOCK }, 'lost', 'reboot', /writes labvfio-v1, the next one reads no labvfio/],
    ['the old one has it switched off', 'cmdline: {from: lukeep.mode=off}\n', {}, 'refused', 'none', /no handler/],
    ['the next one has it switched off', 'cmdline: {to: lukeep.mode=off}\n', {}, 'lost', 'reboot', /reads no labvfio/],
    [
      'other data of the device',
      'cmdline: {to: lukeep.pci_version=labpci-v2}\n',
      {},
      'lost',
      'reboot',
      /writes labpci-v1, the next one reads labpci-v2/,
    ],
    [
      'other data of the IOMMU, by build',
      '',
      { to: stock('7.3.4-lab', 'kho-v4;luo-v5;memfd-v2;labvfio-v1;labpci-v1;labiommu-v2') },
      'lost',
      'reboot',
      /labiommu-v2/,
    ],
    [
      "upstream's data of the device in another version",
      '',
      { from: SERIES, to: series(3), device: ADDRESS },
      'panic',
      'panic',
      /writes pci-v2, the next one reads pci-v3: .*panics during PCI enumeration/,
    ],
    [
      "upstream's data of the device, and nobody who knows it",
      '',
      { from: SERIES, to: stock('7.4.0', 'kho-v4;luo-v5;memfd-v2;vfio-pci-v1'), device: ADDRESS },
      'preserved',
      'none',
      /agree/,
    ],
    [
      "upstream's series, and an interrupt that is still set up",
      '',
      { from: SERIES, to: SERIES, device: 'preserve: {level: address}, session: vm0' },
      'refused',
      'none',
      /an interrupt of e is still set up/,
    ],
    [
      "upstream's series without the IOMMU, and a device that must keep running",
      '',
      { from: SERIES, to: SERIES, device: 'preserve: required, interrupts: "off", session: vm0' },
      'corrupt',
      'reboot',
      /nothing hands over the IOMMU's tables/,
    ],
    [
      "upstream's series with the IOMMU",
      '',
      {
        from: stock('7.4.0', 'kho-v4;luo-v5;memfd-v2;vfio-pci-v1;pci 2;iommu-liveupdate 1'),
        to: stock('7.4.0', 'kho-v4;luo-v5;memfd-v2;vfio-pci-v1;pci 2;iommu-liveupdate 1'),
        device: 'preserve: required, interrupts: "off", session: vm0',
      },
      'preserved',
      'none',
      /agree/,
    ],
    [
      "upstream's series, then a kernel without it",
      '',
      { from: SERIES, to: STOCK, device: ADDRESS },
      'lost',
      'reboot',
      /vfio-pci/,
    ],
    [
      'other data, and nobody asked for it',
      'cmdline: {to: lukeep.pci_version=labpci-v2}\n',
      { device: 'preserve: recreate' },
      'preserved',
      'none',
      /agree/,
    ],
    [
      'asked first',
      'policy: check\ncmdline: {to: lukeep.pci_version=labpci-v2}\n',
      {},
      'refused',
      'none',
      /policy check asks the running kernel first/,
    ],
    ['a page is forgotten', 'cmdline: {from: lukeep.mode=forget-page}\n', {}, 'corrupt', 'reboot', /forget a page/],
    [
      'translation is off for a while',
      'cmdline: {from: lukeep.mode=translation-off}\n',
      {},
      'corrupt',
      'reboot',
      /translation off/,
    ],
    ['a reset', 'cmdline: {from: lukeep.mode=reset}\n', {}, 'lost', 'reboot', /reset/],
    [
      'a device that refuses to freeze',
      'cmdline: {from: lukeep.freeze_fails=1}\n',
      {},
      'refused',
      'none',
      /makes a device refuse to freeze/,
    ],
    ['a second one that there is not', 'cmdline: {from: lukeep.freeze_fails=2}\n', {}, 'preserved', 'none', /agree/],
    [
      'no translation, below the level dma',
      'cmdline: {from: lukeep.mode=translation-off}\n',
      { device: 'preserve: {level: state}, session: vm0' },
      'preserved',
      'none',
      /agree/,
    ],
    [
      'a bus master at the level address',
      '',
      { device: 'preserve: {level: address}, session: vm0' },
      'corrupt',
      'reboot',
      /bus master/,
    ],
    ['it was elsewhere', 'cmdline: {from: lukeep.pretend=address}\n', {}, 'lost', 'reboot', /another address/],
    [
      'tables that are never freed',
      'cmdline: {to: lukeep.mode=leak-table}\n',
      {},
      'leak',
      'leak',
      /keep the pages of the old tables forever/,
    ],
    [
      'the same word, but no such kernel',
      'cmdline: {from: lukeep.mode=reset}\n',
      { from: STOCK, device: 'preserve: recreate' },
      'preserved',
      'none',
      /agree/,
    ],
    [
      'tables damaged on the way',
      'faults: [{at: jump, iommu-table: {device: e, damage: loop}}]\n',
      {},
      'lost',
      'reboot',
      /damaged during the kexec/,
    ],
    [
      'tables damaged before',
      'faults: [{at: before-kexec, iommu-table: {device: e, damage: loop}}]\n',
      {},
      'refused',
      'none',
      /kexec is refused/,
    ],
    [
      'tables damaged in the next kernel',
      'faults: [{at: before-finish, iommu-table: {device: e, damage: loop}}]\n',
      {},
      'corrupt',
      'reboot',
      /in the next kernel/,
    ],
    ['unplugged', 'faults: [{at: jump, unplug: e}]\n', {}, 'lost', 'reboot', /e is unplugged/],
    [
      'its iommufd with it',
      '',
      { iommu: '{kind: intel, preserve: required}' },
      'refused',
      'none',
      /no handler for an iommufd/,
    ],
    [
      'its iommufd if there is a handler',
      '',
      { iommu: '{kind: intel, preserve: if-supported}' },
      'preserved',
      'none',
      /agree/,
    ],
    [
      'if there is a handler, and there is none',
      '',
      { device: 'preserve: if-supported, session: vm0', from: STOCK, to: STOCK },
      'preserved',
      'none',
      /agree/,
    ],
    [
      'if there is a handler, and the next one has none',
      '',
      { device: 'preserve: if-supported, session: vm0', to: STOCK },
      'lost',
      'reboot',
      /reads no labvfio/,
    ],
    [
      'made anew, its old tables damaged',
      'faults: [{at: before-kexec, iommu-table: {device: e, damage: loop}}]\n',
      { device: 'preserve: recreate, dma: in-flight' },
      'preserved',
      'none',
      /agree/,
    ],
  ])('%s', (_, rest, about, outcome, endsIn, reason) =>
    expect(predicted(rest, about)).toEqual([outcome, endsIn, expect.stringMatching(reason)]),
  );
});

it("a device that upstream's series does not freeze leaves those dead that froze before it", () => {
  const scenario = parseScenario(
    'from: a\nto: b\niommu: intel\nsessions: [{name: s, files: [{name: f, memfd: 1MiB}]}]\ndevices:\n' +
      '  - {name: a, device: edu, at: "05.0", preserve: {level: address}, interrupts: "off", session: s}\n' +
      '  - {name: b, device: edu, at: "06.0", preserve: {level: address}, session: s}\n',
    'x.yaml',
  );
  expect(predictScenario(scenario, [SERIES, SERIES])).toMatchObject({
    outcome: 'corrupt',
    reasons: [expect.stringMatching(/interrupt of b/), expect.anything()],
  });
});

it('mismatches have one name for each part, whatever its name in a tree', () => {
  const to = withCmdline(KEEP.versions, 'lukeep.pci_version=labpci-v7 lukeep.iommu_version=nonsense');
  expect(comparePair(KEEP.versions, to)).toMatchObject([
    { component: 'pci', wrote: 1, reads: [7], endsIn: 'reboot', source: 'images' },
  ]);
  expect(comparePair(KEEP.versions, STOCK.versions).map(({ component, reads }) => [component, reads])).toEqual([
    ['vfio', []],
    ['pci', []],
    ['iommu', []],
  ]);
});
