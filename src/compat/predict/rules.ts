// SPDX-License-Identifier: Apache-2.0
// What a mismatch ends in, component by component, in the order in which the next kernel reads them. Data only.
// Sources: the kernels' own code (functions are named), and runs of stock pairs and of version strings changed from
// outside.
import type { HardwareComponent } from '../../model/kernel/component.js';
import type { EndsIn, Outcome } from '../../model/result/outcome.js';

/**
 * What a scenario carries over: a session alone, memfds, objects of the lab or devices in it, memory reserved by name,
 * what the kernel's own KHO test put there.
 */
export const USES = ['session', 'memfd', 'object', 'device', 'reserve_mem', 'test_kho'] as const;
export type Use = (typeof USES)[number];

export interface Rule {
  component: string;
  /** Read only if the two kernels agree on this one: what stands inside it is laid out anew with it. */
  within: string | null;
  /** What is broken with it; `any`: the next kernel comes to it even if nothing is carried. */
  carries: readonly Use[] | 'any';
  /** The next kernel knows the component in other versions only. */
  differs: Effect;
  /** The next kernel does not know it at all. */
  unknown: Effect;
  /** The next kernel looks for it and the old one did not write it; null where that is no harm. */
  unwritten: Effect | null;
}

export interface Effect {
  outcome: Outcome;
  endsIn: EndsIn;
  /** Function of the next kernel that decides. */
  where: string;
  what: string;
  /** What a run shows that ends so for this reason, where it names no component. */
  signs?: readonly string[];
}

/**
 * The lab's own object: where a version that is not read comes to light depends on the next kernel's build options
 * (object.ts).
 */
export const OBJECT_EFFECTS = {
  noHandler: {
    outcome: 'leak',
    endsIn: 'leak',
    where: 'luo_session_deserialize',
    what: 'no handler under that name: no session can be opened, and the memory of all of them stays reserved',
  },
  retrieve: {
    outcome: 'leak',
    endsIn: 'leak',
    where: 'labobj_retrieve',
    what: 'the object cannot be retrieved (EPROTONOSUPPORT) and its memory stays reserved; all else comes back',
    signs: ['EPROTONOSUPPORT'],
  },
  early: {
    outcome: 'leak',
    endsIn: 'leak',
    where: 'labobj_look_early',
    what: 'found out early in boot: the object cannot be retrieved (EPROTONOSUPPORT) and its memory stays reserved; all else comes back',
    signs: ['EPROTONOSUPPORT'],
  },
  somewhere: {
    outcome: 'leak',
    endsIn: 'leak',
    where: '',
    what: 'the object cannot be retrieved and its memory stays reserved; where is not known, as its build options are not',
  },
  absent: {
    outcome: 'leak',
    endsIn: 'leak',
    where: 'luo_session_deserialize',
    what: 'built without the object: no handler, no session can be opened, and the memory of all of them stays reserved',
  },
} as const satisfies Record<string, Effect>;

const NONE: Effect = { outcome: 'preserved', endsIn: 'none', where: '', what: 'ignored' };

export const RULES: readonly Rule[] = [
  {
    component: 'kho',
    within: null,
    carries: USES,
    differs: {
      outcome: 'lost',
      endsIn: 'reboot',
      where: 'kho_populate',
      what: 'the whole handover is ignored with a warning and its memory is given to the allocator',
    },
    unknown: {
      outcome: 'lost',
      endsIn: 'reboot',
      where: 'add_kho',
      what: 'built without CONFIG_KEXEC_HANDOVER: the handover is ignored with a warning',
    },
    unwritten: null,
  },
  {
    component: 'luo',
    within: null,
    carries: 'any',
    differs: {
      outcome: 'panic',
      endsIn: 'panic',
      where: 'liveupdate_early_init',
      what: 'the kernel panics: the incoming tree failed to initialize properly',
    },
    unknown: {
      outcome: 'leak',
      endsIn: 'leak',
      where: 'kho_memory_init',
      what: 'built without CONFIG_LIVEUPDATE: the memory stays reserved and nobody can take it back',
      signs: ['open /dev/liveupdate'],
    },
    unwritten: null,
  },
  {
    component: 'luo-session',
    within: 'luo',
    carries: 'any',
    differs: {
      outcome: 'panic',
      endsIn: 'panic',
      where: 'luo_session_setup_incoming',
      what: 'the session node is refused and the kernel panics in liveupdate_early_init',
    },
    unknown: NONE,
    unwritten: {
      outcome: 'panic',
      endsIn: 'panic',
      where: 'luo_session_setup_incoming',
      what: 'the session node is missed and the kernel panics in liveupdate_early_init',
    },
  },
  {
    component: 'luo-flb',
    within: 'luo',
    carries: 'any',
    differs: {
      outcome: 'panic',
      endsIn: 'panic',
      where: 'luo_flb_setup_incoming',
      what: 'the FLB node is refused and the kernel panics in liveupdate_early_init',
    },
    unknown: NONE,
    unwritten: {
      outcome: 'panic',
      endsIn: 'panic',
      where: 'luo_flb_setup_incoming',
      what: 'the FLB node is missed and the kernel panics in liveupdate_early_init',
    },
  },
  {
    component: 'memfd',
    within: null,
    carries: ['memfd'],
    differs: {
      outcome: 'leak',
      endsIn: 'leak',
      where: 'luo_session_deserialize',
      what: 'no handler for the files: they cannot be retrieved and their memory stays reserved',
    },
    unknown: {
      outcome: 'leak',
      endsIn: 'leak',
      where: 'luo_session_deserialize',
      what: 'built without CONFIG_LIVEUPDATE_MEMFD: no handler, the files cannot be retrieved and their memory stays reserved',
    },
    unwritten: null,
  },
  {
    component: 'object',
    within: null,
    carries: ['object'],
    differs: OBJECT_EFFECTS.retrieve,
    unknown: OBJECT_EFFECTS.absent,
    unwritten: null,
  },
  {
    component: 'memblock',
    within: null,
    carries: ['reserve_mem'],
    differs: {
      outcome: 'leak',
      endsIn: 'leak',
      where: 'reserve_mem_kho_retrieve_fdt',
      what: 'the reservations are made anew elsewhere and the old ones stay reserved',
    },
    unknown: {
      outcome: 'leak',
      endsIn: 'leak',
      where: 'reserve_mem_kho_revive',
      what: 'the reservations are made anew elsewhere and the old ones stay reserved',
    },
    unwritten: null,
  },
  {
    component: 'reserve-mem',
    within: 'memblock',
    carries: ['reserve_mem'],
    differs: {
      outcome: 'leak',
      endsIn: 'leak',
      where: 'reserve_mem_kho_revive',
      what: 'the reservation is made anew elsewhere and the old one stays reserved',
    },
    unknown: {
      outcome: 'leak',
      endsIn: 'leak',
      where: 'reserve_mem_kho_revive',
      what: 'the reservation is made anew elsewhere and the old one stays reserved',
    },
    unwritten: null,
  },
  { component: 'kexec-metadata', within: null, carries: 'any', differs: NONE, unknown: NONE, unwritten: null },
];

/** Parts of a device. Whoever has it cannot go on without it, so that whatever is broken ends in a reboot. */
export const HARDWARE_RULES: readonly (Rule & { component: HardwareComponent })[] = [
  {
    component: 'vfio',
    within: null,
    carries: ['device'],
    differs: {
      outcome: 'lost',
      endsIn: 'reboot',
      where: 'luo_session_deserialize',
      what: "no handler for the device's descriptor: no session can be opened, the memory of all of them stays reserved, and the device is lost",
    },
    unknown: {
      outcome: 'lost',
      endsIn: 'reboot',
      where: 'luo_session_deserialize',
      what: "built without a handler for the device's descriptor: no session can be opened, the memory of all of them stays reserved, and the device is lost",
    },
    unwritten: null,
  },
  {
    component: 'pci',
    within: null,
    carries: ['device'],
    differs: {
      outcome: 'lost',
      endsIn: 'reboot',
      where: '',
      what: 'which device it was cannot be read: its descriptor does not come back',
    },
    unknown: {
      outcome: 'lost',
      endsIn: 'reboot',
      where: '',
      what: 'nobody looks which device it was: its descriptor does not come back',
    },
    unwritten: null,
  },
  {
    component: 'iommu',
    within: null,
    carries: ['device'],
    differs: {
      outcome: 'lost',
      endsIn: 'reboot',
      where: '',
      what: 'what the device reached cannot be read: its descriptor does not come back, and the pages of the tables stay reserved',
    },
    unknown: {
      outcome: 'lost',
      endsIn: 'reboot',
      where: '',
      what: "nobody takes the tables of the IOMMU over: the device's descriptor does not come back",
    },
    unwritten: null,
  },
];

const AT_ENUMERATION: Effect = {
  outcome: 'panic',
  endsIn: 'panic',
  where: 'pci_flb_retrieve',
  what: 'the kernel panics as it enumerates PCI: the data of preserved devices is in a version that it does not read',
};
const AT_IOMMU: Effect = {
  outcome: 'panic',
  endsIn: 'panic',
  where: 'iommu_liveupdate_flb_get_incoming',
  what: 'the kernel panics: failed to restore IOMMU Live Update FLB',
};

/**
 * Upstream's own data of devices, by its names (7.4 and the series before it): another version is a panic, and who does
 * not know the name at all takes no harm of it.
 */
export const UPSTREAM_RULES: Readonly<Record<string, Pick<Rule, 'differs' | 'unknown'>>> = {
  pci: { differs: AT_ENUMERATION, unknown: NONE },
  'iommu-liveupdate': { differs: AT_IOMMU, unknown: NONE },
};

/** Layouts that changed while their version did not: the two kernels agree on the name and read each other wrongly. */
export const SILENT_CHANGES: readonly {
  component: string;
  version: number;
  since: readonly [number, number];
  what: string;
}[] = [
  { component: 'kho', version: 1, since: [6, 18], what: 'the bitmaps of the memory map grew from 512 bytes to a page' },
];

/**
 * Switches on the next kernel's command line. The image understands the handover, and the kernel is told not to use it.
 */
export const SWITCHES = {
  kho: {
    needs: ['session', 'memfd', 'object', 'device'] as readonly Use[],
    effect: {
      outcome: 'leak',
      endsIn: 'leak',
      where: 'luo_early_startup',
      what: 'kho=off: the memory is reserved all the same, but live update is disabled and nobody can take it back',
      signs: ['KHO is disabled', 'open /dev/liveupdate'],
    } satisfies Effect,
  },
  liveupdate: {
    needs: ['session', 'memfd', 'object', 'device'] as readonly Use[],
    effect: {
      outcome: 'leak',
      endsIn: 'leak',
      where: 'liveupdate_ioctl_init',
      what: 'liveupdate=off: the memory is reserved, but there is no /dev/liveupdate to take it back with',
      signs: ['open /dev/liveupdate'],
    } satisfies Effect,
  },
} as const;
