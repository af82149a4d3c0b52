// SPDX-License-Identifier: Apache-2.0
// What hands devices over. Stock kernels up to 7.3 have nothing of it; trees that carry a preservation series do, under
// names of their own. What the lab's positive control makes of its command line (lab/kernel/keep,
// kernel/liveupdate/lukeep/settings.c) stands here, too.
import type { ComponentVersions, HardwareComponent } from '../../model/kernel/component.js';
import { valuesOf } from '../binary/cmdline.js';
import { componentsIn } from '../component.js';
import { HARDWARE_RULES, type Rule, UPSTREAM_RULES } from './rules.js';

/**
 * The part of a device's handover that a component is about: `vfio-pci` is its descriptor, `iommufd` what it reaches,
 * `labpci` the device itself. Null for all else.
 */
export function hardwarePart(component: string): HardwareComponent | null {
  if (component.includes('vfio')) return 'vfio';
  if (component.includes('iommu')) return 'iommu';
  return component.includes('pci') ? 'pci' : null;
}

/** One rule for each of the names that the two kernels have for parts of a device, in the order of HARDWARE_RULES. */
export function hardwareRules(from: readonly ComponentVersions[], to: readonly ComponentVersions[]): Rule[] {
  const names = [...new Set([...from, ...to].map(({ name }) => name))];
  return HARDWARE_RULES.flatMap((rule) =>
    names
      .filter((name) => hardwarePart(name) === rule.component)
      .map((name) => ({
        ...rule,
        ...(Object.hasOwn(UPSTREAM_RULES, name) ? UPSTREAM_RULES[name] : {}),
        component: name,
      })),
  );
}

const KEEP = ['labvfio', 'labpci', 'labiommu'];

/**
 * The positive control under a command line: lukeep.mode=off, and lukeep.pci_version and iommu_version in place of the
 * build options.
 */
export function keepWith(versions: readonly ComponentVersions[], cmdline: string): ComponentVersions[] {
  const off = valuesOf(cmdline, 'lukeep.mode').at(-1) === 'off';
  const told = (['pci', 'iommu'] as const)
    .flatMap((part) => valuesOf(cmdline, `lukeep.${part}_version`).slice(-1))
    .flatMap(componentsIn);
  return versions.flatMap((each) => {
    if (!KEEP.includes(each.name)) return [each];
    if (off) return [];
    const version = told.find(({ name }) => name === each.name)?.version;
    return [version === undefined ? each : { ...each, reads: [version], writes: [version], write: version }];
  });
}
