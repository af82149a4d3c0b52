// SPDX-License-Identifier: Apache-2.0
// What devices and their IOMMU need from QEMU and from each kernel, checked before anything starts; and the kernel
// command line for them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DevicePlan, isDeviceAction } from '../../model/scenario/device.js';
import type { KernelImage } from '../../model/kernel/image.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import type { SourcePos } from '../../model/scenario/source-pos.js';
import { TEST_KHO } from '../../model/scenario/selftest.js';
import { isSet } from '../../compat/index.js';
import { hasHardware } from '../../qemu/hardware.js';
import { missingInQemu, neededOptions, qemuFacts } from '../../qemu/probe.js';

export interface MissingFeature {
  pos: SourcePos;
  message: string;
  hint: string | null;
}

/**
 * @param binary path of QEMU
 * @param cacheDir folder that keeps what is known about this host's QEMU
 */
export async function featuresMissingInQemu(
  { hardware }: Scenario,
  binary: string,
  cacheDir: string,
): Promise<MissingFeature[]> {
  if (!hasHardware(hardware)) return [];
  const facts = await qemuFacts(binary, factsFile(cacheDir));
  return missingInQemu(hardware, facts).map(({ device, what }) => ({
    pos: device === null ? hardware.iommu.pos : (hardware.devices[device]?.pos ?? hardware.iommu.pos),
    message: `this QEMU has ${what}`,
    hint: null,
  }));
}

/** Options that the scenario's IOMMU needs on this QEMU. The parameters are those of featuresMissingInQemu(). */
export async function iommuOptions(
  { hardware }: Pick<Scenario, 'hardware'>,
  binary: string,
  cacheDir: string,
): Promise<Record<string, string>> {
  return hasHardware(hardware) ? neededOptions(hardware, await qemuFacts(binary, factsFile(cacheDir))) : {};
}

const factsFile = (cacheDir: string): string => join(cacheDir, 'host', 'qemu.json');

/**
 * A kernel needs all these options. Names as in drivers/iommu/Kconfig and drivers/vfio/ (6.19 to 7.3).
 */
type Need = { options: readonly string[]; why: string; pos: SourcePos };

/** The options that each kernel lacks. A kernel whose configuration is unknown is assumed to have all of them. */
export function featuresMissingInKernels(scenario: Scenario, kernels: readonly KernelImage[]): MissingFeature[] {
  const needs = needsOf(scenario);
  const failing = kernels.flatMap((kernel, epoch) => cannotFail(scenario, { kernel, epoch }));
  if (needs.length === 0) return failing;
  const others = [...new Map(kernels.map((kernel) => [kernel.sha256, kernel])).values()].flatMap((kernel) => {
    const config = configOf(kernel);
    if (config === null) return [];
    return needs.flatMap((alternatives) => {
      if (alternatives.some(({ options }) => options.every((option) => isSet(config, option)))) return [];
      const [first] = alternatives as [Need, ...Need[]];
      const missing = first.options.filter((option) => !isSet(config, option));
      return [
        {
          pos: first.pos,
          message: `kernel ${kernel.name} ${first.why}: it is built without ${missing.join(', ')}`,
          hint: 'choose another kernel, or build one with it',
        },
      ];
    });
  });
  return [...failing, ...others];
}

/** For systemd (its README), and for the file systems of its root. */
const OTHER_SYSTEM = [
  'CONFIG_CGROUPS',
  'CONFIG_FHANDLE',
  'CONFIG_UNIX',
  'CONFIG_INOTIFY_USER',
  'CONFIG_EROFS_FS',
  'CONFIG_OVERLAY_FS',
];

const FAIL_ALLOCATIONS = ['CONFIG_FAULT_INJECTION_DEBUG_FS', 'CONFIG_FAILSLAB', 'CONFIG_FAIL_PAGE_ALLOC'];

/** Whether a step can make an allocation fail; null if the kernel's configuration is unknown. */
export function failsAllocations(kernel: Pick<KernelImage, 'config'>): boolean | null {
  const config = configOf(kernel);
  return config === null ? null : FAIL_ALLOCATIONS.every((option) => isSet(config, option));
}

/** Only the kernel that runs the step needs it. */
function cannotFail(
  { steps }: Pick<Scenario, 'steps'>,
  { kernel, epoch }: { kernel: KernelImage; epoch: number },
): MissingFeature[] {
  const step = steps.find((each) => each.epoch === epoch && each.fail !== undefined);
  if (step === undefined || failsAllocations(kernel) !== false) return [];
  return [
    {
      pos: step.pos,
      message: `kernel ${kernel.name} cannot make an allocation fail: it is built without fault injection`,
      hint: 'choose 7.3.4-kasan, or build a kernel with images/config/fail-allocations.config',
    },
  ];
}

/** The text of a kernel's configuration; null if it is unknown. */
export function configOf({ config }: Pick<KernelImage, 'config'>): string | null {
  try {
    return config === null ? null : readFileSync(config, 'latin1');
  } catch {
    return null;
  }
}

/** Each entry is a list of alternatives: one of them is enough. */
function needsOf({ hardware, steps }: Scenario): Need[][] {
  const { iommu, devices } = hardware;
  const needs: Need[][] = [];
  const other = steps.find((step) => step.op === 'start-userspace');
  if (other !== undefined)
    needs.push([{ options: OTHER_SYSTEM, why: `cannot run user space ${other.userspace}`, pos: other.pos }]);
  const selftest = steps.find((step) => step.op === 'kselftest' && step.test === TEST_KHO);
  if (selftest !== undefined)
    needs.push([{ options: ['CONFIG_TEST_KEXEC_HANDOVER'], why: 'does not test its own handover', pos: selftest.pos }]);
  const drivers = {
    none: [],
    intel: ['CONFIG_INTEL_IOMMU'],
    amd: ['CONFIG_AMD_IOMMU'],
    virtio: ['CONFIG_VIRTIO_IOMMU'],
  }[iommu.kind];
  if (iommu.kind !== 'none')
    needs.push([
      {
        options: [...drivers, ...(iommu.intremap ? ['CONFIG_IRQ_REMAP'] : [])],
        why: `cannot drive the IOMMU (${iommu.kind})`,
        pos: iommu.pos,
      },
    ]);
  const opened = steps.find((step) => isDeviceAction(step) && step.op === 'device-open');
  const device = devices.find(({ name }) => opened !== undefined && 'device' in opened && opened.device === name);
  if (device !== undefined) {
    needs.push([
      {
        options: ['CONFIG_VFIO_PCI', 'CONFIG_VFIO_DEVICE_CDEV', 'CONFIG_IOMMUFD'],
        why: 'cannot pass a device through',
        pos: device.pos,
      },
      {
        options: ['CONFIG_VFIO_PCI', 'CONFIG_VFIO_GROUP', 'CONFIG_VFIO_CONTAINER', 'CONFIG_VFIO_IOMMU_TYPE1'],
        why: 'cannot pass a device through',
        pos: device.pos,
      },
    ]);
  }
  return needs;
}

/** Added to every kernel's command line: turns the IOMMU on, and lets VFIO work without interrupt remapping. */
export function hardwareCmdline({ iommu }: DevicePlan): string[] {
  if (iommu.kind === 'none') return [];
  return [
    ...(iommu.kind === 'intel' ? [`intel_iommu=on${iommu.scalable ? ',sm_on' : ''}`] : []),
    ...(iommu.kind === 'amd' ? ['amd_iommu=force_enable'] : []),
    ...(iommu.intremap ? [] : ['vfio_iommu_type1.allow_unsafe_interrupts=1', 'iommufd.allow_unsafe_interrupts=1']),
  ];
}
