// SPDX-License-Identifier: Apache-2.0
// Devices and IOMMUs as QEMU arguments, and what QEMU reports that it supports.
import { describe, expect, it } from 'vitest';
import type { DevicePlan } from '../../src/model/scenario/device.js';
import { qemuArgs } from '../../src/qemu/args.js';
import { missingInQemu, modelsOf, optionsOf, type QemuFacts } from '../../src/qemu/probe.js';
import { traceEvents } from '../../src/run/devices/trace.js';
import { parseScenario } from '../../src/scenario/index.js';

function plan(text: string): DevicePlan {
  return parseScenario(`from: a\nto: b\n${text}\n`, 'x.yaml').hardware;
}

function devices(hardware: DevicePlan, accel: 'tcg' | 'kvm' = 'tcg', dir = '/tmp/lab-x'): string[] {
  const args = qemuArgs({
    name: 'x',
    accel,
    memory: 2 ** 30,
    cpus: 2,
    kernel: '/k',
    initrd: '/i',
    cmdline: '',
    disks: [],
    dir,
    hardware,
    trace: traceEvents(hardware),
    extra: [],
  });
  return args.flatMap((arg, i) =>
    ['-device', '-drive', '-object', '-netdev', '-accel', '-D'].includes(arg) ? [`${arg} ${args[i + 1]}`] : [],
  );
}

const ALL = `iommu: intel
devices:
  - {name: e, device: edu, at: "05.0"}
  - {name: f, device: edu, at: "05.1"}
  - {name: b, device: edu, at: "00.0", behind: rp0}
  - {name: n, device: nvme, at: "07.0"}
  - {name: v, device: virtio-net, at: "08.0"}
  - {name: d, device: virtio-blk, at: "09.0"}
  - {name: s, device: ivshmem, at: "0a.0", size: 4MiB}`;

describe('hardware', () => {
  it("the IOMMU comes first, then root ports, then devices, then the lab's own devices", () => {
    const args = devices(plan(ALL), 'tcg', '/tmp/a,b');
    expect(args.slice(2, 16)).toEqual([
      '-device intel-iommu,intremap=on,aw-bits=39',
      '-device pcie-root-port,id=port-rp0,bus=pcie.0,addr=02.0,chassis=1,slot=1',
      '-device edu,id=dev-e,bus=pcie.0,addr=05.0,multifunction=on',
      '-device edu,id=dev-f,bus=pcie.0,addr=05.1,multifunction=on',
      '-device edu,id=dev-b,bus=port-rp0,addr=00.0',
      '-drive if=none,id=drive-n,format=raw,file=/tmp/a,,b/dev-n.img',
      '-device nvme,drive=drive-n,serial=lab-dev3,id=dev-n,bus=pcie.0,addr=07.0',
      '-netdev user,id=net-v,restrict=on',
      '-device virtio-net-pci,netdev=net-v,romfile=,iommu_platform=on,disable-legacy=on,id=dev-v,bus=pcie.0,addr=08.0',
      '-drive if=none,id=drive-d,format=raw,file=/tmp/a,,b/dev-d.img',
      '-device virtio-blk-pci,drive=drive-d,serial=lab-dev5,iommu_platform=on,disable-legacy=on,' +
        'id=dev-d,bus=pcie.0,addr=09.0',
      '-object memory-backend-file,id=mem-s,size=4194304B,mem-path=/tmp/a,,b/dev-s.img,share=on',
      '-device ivshmem-plain,memdev=mem-s,id=dev-s,bus=pcie.0,addr=0a.0',
      '-D /tmp/a,b/trace.log',
    ]);
    expect(args[16]).toBe('-device virtio-serial-pci');
  });

  it.each([
    [
      'iommu: {kind: intel, intremap: false, scalable: true, bits: 48}',
      'intel-iommu,intremap=off,aw-bits=48,x-scalable-mode=on',
    ],
    ['iommu: amd', 'amd-iommu,intremap=off'],
    ['iommu: {kind: amd, intremap: true}', 'amd-iommu,intremap=on'],
    ['iommu: virtio', 'virtio-iommu-pci,addr=01.0'],
  ])('%s', (text, device) => expect(devices(plan(text))).toContain(`-device ${device}`));

  it('under KVM, interrupts are remapped only if QEMU has the I/O APIC', () => {
    expect(devices(plan('iommu: intel'), 'kvm')).toContain('-accel kvm,kernel-irqchip=split');
    expect(devices(plan('iommu: {kind: intel, intremap: false}'), 'kvm')).toContain('-accel kvm');
  });

  it('nothing is traced without a trace list', () =>
    expect(devices(plan('')).some((arg) => arg.startsWith('-D'))).toBe(false));
});

describe('the features of a QEMU', () => {
  it('are the models and options that QEMU 7.2 lists', () => {
    expect(
      modelsOf(
        'Controller/Bridge/Hub devices:\nname "pcie-root-port", bus PCI, desc "PCI Express Root Port"\n' +
          'name "edu", bus PCI\n',
      ),
    ).toEqual(['pcie-root-port', 'edu']);
    expect(
      optionsOf(
        'intel-iommu options:\n  aw-bits=<uint8>        -  (default: 39)\n' +
          '  x-scalable-mode=<bool> -  (default: false)\n',
      ),
    ).toEqual(['aw-bits', 'x-scalable-mode']);
  });

  it('tell what is missing', () => {
    const facts: QemuFacts = { models: ['intel-iommu', 'nvme'], options: { 'intel-iommu': ['aw-bits', 'intremap'] } };
    expect(missingInQemu(plan(ALL), facts).map(({ device, what }) => `${device} ${what}`)).toEqual([
      '0 no edu',
      '1 no edu',
      '2 no edu',
      '2 no pcie-root-port',
      '4 no virtio-net-pci',
      '5 no virtio-blk-pci',
      '6 no ivshmem-plain',
    ]);
    expect(missingInQemu(plan('iommu: {kind: intel, scalable: true}'), facts)).toEqual([
      { device: null, what: 'no x-scalable-mode of intel-iommu' },
    ]);
    expect(missingInQemu(plan('iommu: virtio'), facts)).toEqual([{ device: null, what: 'no virtio-iommu-pci' }]);
  });
});
