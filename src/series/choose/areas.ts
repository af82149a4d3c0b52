// SPDX-License-Identifier: Apache-2.0
// Which scenarios show what a change of which files of the kernel does. Each runs on any pair of kernels.

/** A part of the kernel, and the shipped scenarios that go through it. */
export interface Area {
  name: string;
  /** Globs of paths in the kernel tree; a double star crosses folders. */
  paths: readonly string[];
  /** Paths of scenarios, below scenarios/. */
  scenarios: readonly string[];
}

/** For every series: a kexec that carries nothing, and one that carries two files. */
export const ALWAYS: readonly string[] = ['control', 'pair'];

/** The short default set: all parts of the handover that need no guests and no devices. */
export const DEFAULT: readonly string[] = ['first-update', 'memfd-metadata', 'many-sessions', 'reserve-mem'];

/** A file belongs to every area that matches. The first ones are the more special ones. */
export const AREAS: readonly Area[] = [
  {
    name: 'memfd',
    paths: [
      'mm/memfd*',
      'mm/shmem*',
      'include/linux/memfd.h',
      'include/linux/shmem_fs.h',
      'include/linux/kho/abi/memfd.h',
    ],
    scenarios: ['first-update', 'memfd-metadata', 'many-files'],
  },
  {
    name: 'reserve_mem',
    paths: ['mm/memblock.c', 'mm/mm_init.c', 'include/linux/memblock.h', 'include/linux/kho/abi/memblock.h'],
    scenarios: ['reserve-mem', 'first-update'],
  },
  {
    name: 'live update and kexec',
    paths: [
      'kernel/liveupdate/**',
      'kernel/kexec*',
      'kernel/crash*',
      'arch/x86/kernel/machine_kexec*',
      'arch/x86/kernel/kexec*',
      'arch/x86/kernel/setup.c',
      'arch/x86/boot/compressed/kaslr.c',
      'include/linux/kexec*',
      'include/linux/kho*',
      'include/linux/kho/**',
      'include/linux/liveupdate*',
      'include/uapi/linux/liveupdate.h',
      'lib/test_kho.c',
      'lib/tests/liveupdate.c',
    ],
    scenarios: DEFAULT,
  },
  {
    name: 'memory management',
    paths: ['mm/**', 'include/linux/mm*', 'include/linux/gfp*', 'include/linux/page*', 'arch/x86/mm/**'],
    scenarios: DEFAULT,
  },
  {
    name: 'devices',
    paths: [
      'drivers/pci/**',
      'drivers/vfio/**',
      'drivers/iommu/**',
      'include/linux/pci*',
      'include/linux/vfio*',
      'include/linux/iommu*',
      'include/uapi/linux/vfio.h',
      'include/uapi/linux/iommufd.h',
    ],
    scenarios: [
      'devices/edu-recreate',
      'devices/edu-if-supported',
      'devices/iommufd-if-supported',
      'devices/edu-behind-root-port',
    ],
  },
  {
    name: 'guests',
    paths: ['virt/**', 'arch/x86/kvm/**', 'include/linux/kvm*', 'include/uapi/linux/kvm.h'],
    scenarios: ['guests/survives', 'guests/many-small'],
  },
];

/** Where a series has tests of its own. */
export const SELFTESTS = 'tools/testing/selftests/liveupdate';
/** Files that are not compiled into a kernel of the lab. */
export const NOT_BUILT: readonly string[] = [
  'Documentation/**',
  'tools/**',
  'samples/**',
  'LICENSES/**',
  'MAINTAINERS',
  'CREDITS',
  '.mailmap',
  '.gitignore',
];
