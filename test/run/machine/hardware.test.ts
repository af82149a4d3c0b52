// SPDX-License-Identifier: Apache-2.0
// Devices in a run, without a machine: what kernels are told and must have, what backs a device, when a transfer
// begins, the trace's clock.
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Event } from '../../../src/model/result/event.js';
import type { KernelImage } from '../../../src/model/kernel/image.js';
import { lookAtBacking, makeBackings } from '../../../src/run/devices/backing.js';
import { hardwareCmdline, featuresMissingInKernels } from '../../../src/run/machine/hardware.js';
import { Recorder } from '../../../src/run/engine/recorder.js';
import { operationsOf } from '../../../src/run/engine/operation.js';
import { isLate } from '../../../src/run/steps/run-steps.js';
import { TraceLog } from '../../../src/run/devices/trace.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { startClock } from '../../../src/util/clock.js';

const scenario = (text: string) => parseScenario(`from: a\nto: b\n${text}\n`, 'x.yaml');
let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lab-test-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it.each([
  ['', ''],
  ['iommu: intel', 'intel_iommu=on'],
  ['iommu: {kind: intel, scalable: true}', 'intel_iommu=on,sm_on'],
  [
    'iommu: {kind: intel, intremap: false}',
    'intel_iommu=on vfio_iommu_type1.allow_unsafe_interrupts=1 iommufd.allow_unsafe_interrupts=1',
  ],
  ['iommu: {kind: amd, intremap: true}', 'amd_iommu=force_enable'],
  ['iommu: virtio', 'vfio_iommu_type1.allow_unsafe_interrupts=1 iommufd.allow_unsafe_interrupts=1'],
])('kernel command line for "%s"', (text, words) =>
  expect(hardwareCmdline(scenario(text).hardware).join(' ')).toBe(words),
);

describe('what a kernel lacks', () => {
  const kernel = (config: string | null): KernelImage => {
    if (config !== null) writeFileSync(join(dir, 'config'), config);
    return { name: 'k', sha256: 'x', config: config === null ? null : join(dir, 'config') } as KernelImage;
  };
  const asked = scenario('iommu: intel\ndevices: [{name: e, device: edu, at: "05.0"}]');
  const lacks = (config: string | null) =>
    featuresMissingInKernels(asked, [kernel(config)]).map(({ pos, message }) => `${pos.line} ${message}`);

  it("the IOMMU's driver, and every way to pass a device through", () =>
    expect(lacks('CONFIG_INTEL_IOMMU=m\nCONFIG_VFIO_PCI=y\n')).toEqual([
      '3 kernel k cannot drive the IOMMU (intel): it is built without CONFIG_INTEL_IOMMU, CONFIG_IRQ_REMAP',
      '4 kernel k cannot pass a device through: it is built without CONFIG_VFIO_DEVICE_CDEV, CONFIG_IOMMUFD',
    ]));

  it('nothing: the group alone will do', () =>
    expect(
      lacks(
        'CONFIG_INTEL_IOMMU=y\nCONFIG_IRQ_REMAP=y\nCONFIG_VFIO_PCI=y\nCONFIG_VFIO_GROUP=y\n' +
          'CONFIG_VFIO_CONTAINER=y\nCONFIG_VFIO_IOMMU_TYPE1=y\n',
      ),
    ).toEqual([]));
  it('a way to make allocations fail, where a step of that kernel needs it', () => {
    const steps = scenario('expect: preserved\nsteps:\n  - kexec\n  - create: {session: s, fail: 2}');
    const [plain, failing] = [
      kernel(''),
      { ...kernel('CONFIG_FAILSLAB=y\nCONFIG_FAIL_PAGE_ALLOC=y\nCONFIG_FAULT_INJECTION_DEBUG_FS=y\n') },
    ];
    writeFileSync(join(dir, 'plain'), '');
    const without = { ...plain, config: join(dir, 'plain') };
    expect(featuresMissingInKernels(steps, [without, failing])).toEqual([]);
    expect(
      featuresMissingInKernels(steps, [failing, without]).map(({ pos, message }) => `${pos.line} ${message}`),
    ).toEqual(['6 kernel k cannot make an allocation fail: it is built without fault injection']);
  });
  it('what systemd and the file systems of its root need', () => {
    const all = ['CGROUPS', 'FHANDLE', 'UNIX', 'INOTIFY_USER', 'EROFS_FS', 'OVERLAY_FS'];
    const config = (names: string[]) => kernel(names.map((name) => `CONFIG_${name}=y\n`).join(''));
    const other = scenario('userspace: systemd');
    expect(featuresMissingInKernels(other, [config(all)])).toEqual([]);
    const [first, ...rest] = featuresMissingInKernels(other, [config(all.slice(1))]);
    expect([first?.message, rest]).toEqual([
      'kernel k cannot run user space systemd: it is built without CONFIG_CGROUPS',
      [],
    ]);
  });
  it('nothing is known of it', () => expect(lacks(null)).toEqual([]));
  it('nothing is asked of it', () => expect(featuresMissingInKernels(scenario(''), [kernel('')])).toEqual([]));
});

it('what backs a device is filled, and every change is seen', () => {
  const { hardware } = scenario(
    'devices: [{name: d, device: nvme, at: "05.0", size: 2MiB}, {name: e, device: edu, at: "06.0"}]',
  );
  const disk = hardware.devices[0]!;
  makeBackings(hardware, dir);
  expect(lookAtBacking(disk, dir)).toEqual({ pages: 512, different: 0, first: null });
  const file = join(dir, 'dev-d.img');
  const bytes = Buffer.alloc(2 << 20, 1);
  writeFileSync(file, bytes.subarray(0, 4096), { flag: 'r+' });
  expect(lookAtBacking(disk, dir)).toEqual({ pages: 512, different: 1, first: 0 });
  writeFileSync(file, '');
  expect(lookAtBacking(disk, dir)).toMatchObject({ different: 512 });
});

it('only a transfer right before the kexec waits for it', () => {
  const { steps } = parseScenario(
    `from: a\nto: b\niommu: intel\nexpect: lost\ndevices: [{name: e, device: edu, at: "05.0"}]\nsteps:
  - memfd: {name: ram, size: 64KiB}
  - device-open: e
  - device-map: {device: e, file: ram, iova: 0}
  - device-dma: {device: e, start: true}
  - device-check: e
  - device-dma: {device: e, start: true}
  - fault: {at: jump, do: nmi}
  - kexec\n`,
    'x.yaml',
  );
  const operations = operationsOf(steps);
  expect(operations.filter((_, at) => isLate(operations, at)).map(({ index }) => index)).toEqual([6]);
});

describe("QEMU's trace", () => {
  it("is put on the run's clock and among the epochs, and is bounded", () => {
    const events: Event[] = [];
    const recorder = new Recorder(startClock(), (event) => events.push(event));
    const log = TraceLog.follow(
      scenario('iommu: intel\ndevices: [{name: e, device: edu, at: "05.0"}]').hardware,
      dir,
      recorder,
    )!;
    const line = (text: string, wallMs = Date.now()) =>
      `7@${Math.floor(wallMs / 1000)}.${String(Math.floor((wallMs % 1000) * 1000)).padStart(6, '0')}:${text}\n`;
    const file = join(dir, 'trace.log');
    appendFileSync(file, line('vtd_dmar_enable enable 1'));
    log.look();
    recorder.epoch = 1;
    // Lines are made with whole milliseconds here.
    for (const begun = Date.now(); Date.now() < begun + 3;);
    appendFileSync(
      file,
      `${line('vtd_dmar_enable enable 0')}${line('pci_cfg_write edu 00:05.0 @0x4 <- 0x7')}garbage\n` +
        `${line('vtd_dmar_enable enable 1', Date.now() - 3_600_000)}`,
    );
    appendFileSync(
      file,
      Array.from({ length: 60_000 }, (_, i) => line(`pci_cfg_write edu 00:05.0 @0x4 <- 0x${6 + (i & 1)}`)).join(''),
    );
    log.look();
    log.stop();
    expect(log.iommu.map(({ epoch, event }) => `${epoch} ${event.kind}`)).toEqual([
      '0 enable',
      '1 disable',
      '1 enable',
    ]);
    const times = log.iommu.map(({ t }) => t);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times.every((t) => t >= 0 && t <= recorder.clock.now())).toBe(true);
    expect(log.items).toHaveLength(50_000);
    expect(log.dropped).toBe(10_001);
    expect(events.map(({ kind, epoch }) => `${kind} ${epoch}`)).toEqual(['iommu 0', 'iommu 1', 'iommu 1']);
  });

  it('is empty without devices and IOMMU', () =>
    expect(TraceLog.follow(scenario('').hardware, dir, new Recorder(startClock(), () => undefined))).toBeNull());
});
