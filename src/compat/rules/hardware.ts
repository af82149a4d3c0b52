// SPDX-License-Identifier: Apache-2.0
// Components that hand devices over. Stock kernels up to 7.3 have none; trees with a preservation series do, under
// their own names. Also the command line of the lab's positive control (lab/kernel/keep,
// kernel/liveupdate/lukeep/settings.c).
import type { ComponentVersions, HardwareComponent } from '../../model/kernel/component.js';
import { valuesOf } from '../binary/cmdline.js';
import { componentsIn } from '../binary/component.js';
import { HARDWARE_RULES, type Rule, UPSTREAM_RULES } from './rules.js';

/**
 * The part of a device's handover that a component belongs to: `vfio-pci` is its descriptor, `iommufd` its mappings,
 * `labpci` the device itself. Null for other components.
 */
export function hardwarePart(component: string): HardwareComponent | null {
  if (component.includes('vfio')) return 'vfio';
  if (component.includes('iommu')) return 'iommu';
  return component.includes('pci') ? 'pci' : null;
}

/** A rule for each name that the two kernels have for a part of a device, in the order of HARDWARE_RULES. */
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
 * The positive control's versions with a command line: lukeep.mode=off, lukeep.pci_version and lukeep.iommu_version.
 */
export function keepWith(versions: readonly ComponentVersions[], cmdline: string): ComponentVersions[] {
  const off = valuesOf(cmdline, 'lukeep.mode').at(-1) === 'off';
  const settings = (['pci', 'iommu'] as const)
    .flatMap((part) => valuesOf(cmdline, `lukeep.${part}_version`).slice(-1))
    .flatMap(componentsIn);
  return versions.flatMap((each) => {
    if (!KEEP.includes(each.name)) return [each];
    if (off) return [];
    const version = settings.find(({ name }) => name === each.name)?.version;
    return [version === undefined ? each : { ...each, reads: [version], writes: [version], write: version }];
  });
}
