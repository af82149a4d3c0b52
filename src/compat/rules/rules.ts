// SPDX-License-Identifier: Apache-2.0
// The effects of mismatches, component by component, in the order in which the next kernel reads them. Only data.
// Sources: the kernels' code (with function names), and runs with pairs of stock kernels and with changed version
// strings.
import type { HardwareComponent } from '../../model/kernel/component.js';
import type { EndsIn, Outcome } from '../../model/result/outcome.js';

/**
 * What a scenario can carry over: an empty session; memfds, lab objects or devices in a session; memory reserved by
 * name; the data of the kernel's own KHO test.
 */
export const USES = ['session', 'memfd', 'object', 'device', 'reserve_mem', 'test_kho'] as const;
export type Use = (typeof USES)[number];

export interface Rule {
  component: string;
  /** The outer component. This one is only read if the kernels agree on that: a new outer version changes both. */
  within: string | null;
  /** The uses that need it; `any`: the next kernel reads it even if nothing is carried. */
  carries: readonly Use[] | 'any';
  /** Effect if the next kernel reads only other versions. */
  differs: Effect;
  /** Effect if the next kernel does not know the component. */
  unknown: Effect;
  /** Effect if the next kernel looks for it and the old one did not write it; null if harmless. */
  unwritten: Effect | null;
}

export interface Effect {
  outcome: Outcome;
  endsIn: EndsIn;
  /** The deciding function in the next kernel. */
  where: string;
  what: string;
  /** Texts in a run that ends for this reason, if it names no component. */
  signs?: readonly string[];
}

/** The lab's own object: the next kernel's build options decide where it notices a wrong version (object.ts). */
export const OBJECT_EFFECTS = {
  noHandler: {
    outcome: 'leak',
    endsIn: 'leak',
    where: 'luo_session_deserialize',
    what: 'no handler with that name: no session can be opened, and the memory of all of them stays reserved',
  },
  retrieve: {
    outcome: 'leak',
    endsIn: 'leak',
    where: 'labobj_retrieve',
    what: 'the object cannot be retrieved (EPROTONOSUPPORT) and its memory stays reserved; everything else comes back',
    signs: ['EPROTONOSUPPORT'],
  },
  early: {
    outcome: 'leak',
    endsIn: 'leak',
    where: 'labobj_look_early',
    what:
      'noticed early in boot: the object cannot be retrieved (EPROTONOSUPPORT) and its memory stays reserved; ' +
      'everything else comes back',
    signs: ['EPROTONOSUPPORT'],
  },
  somewhere: {
    outcome: 'leak',
    endsIn: 'leak',
    where: '',
    what:
      'the object cannot be retrieved and its memory stays reserved; ' +
      'the place is unknown, because its build options are',
  },
  absent: {
    outcome: 'leak',
    endsIn: 'leak',
    where: 'luo_session_deserialize',
    what:
      'built without the object: no handler, no session can be opened, and the memory of all of them stays ' +
      'reserved',
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
      what: 'built without CONFIG_LIVEUPDATE: the memory stays reserved and cannot be retrieved',
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
      what: 'the session node is rejected and the kernel panics in liveupdate_early_init',
    },
    unknown: NONE,
    unwritten: {
      outcome: 'panic',
      endsIn: 'panic',
      where: 'luo_session_setup_incoming',
      what: 'the session node is missing and the kernel panics in liveupdate_early_init',
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
      what: 'the FLB node is rejected and the kernel panics in liveupdate_early_init',
    },
    unknown: NONE,
    unwritten: {
      outcome: 'panic',
      endsIn: 'panic',
      where: 'luo_flb_setup_incoming',
      what: 'the FLB node is missing and the kernel panics in liveupdate_early_init',
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
      what:
        'built without CONFIG_LIVEUPDATE_MEMFD: no handler, the files cannot be retrieved and their memory stays ' +
        'reserved',
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
      what: 'the reservations are made again elsewhere and the old ones stay reserved',
    },
    unknown: {
      outcome: 'leak',
      endsIn: 'leak',
      where: 'reserve_mem_kho_revive',
      what: 'the reservations are made again elsewhere and the old ones stay reserved',
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
      what: 'the reservation is made again elsewhere and the old one stays reserved',
    },
    unknown: {
      outcome: 'leak',
      endsIn: 'leak',
      where: 'reserve_mem_kho_revive',
      what: 'the reservation is made again elsewhere and the old one stays reserved',
    },
    unwritten: null,
  },
  { component: 'kexec-metadata', within: null, carries: 'any', differs: NONE, unknown: NONE, unwritten: null },
];

/** Parts of a device. Its user cannot continue without it, so every mismatch ends in a reboot. */
export const HARDWARE_RULES: readonly (Rule & { component: HardwareComponent })[] = [
  {
    component: 'vfio',
    within: null,
    carries: ['device'],
    differs: {
      outcome: 'lost',
      endsIn: 'reboot',
      where: 'luo_session_deserialize',
      what:
        "no handler for the device's descriptor: no session can be opened, the memory of all of them stays " +
        'reserved, and the device is lost',
    },
    unknown: {
      outcome: 'lost',
      endsIn: 'reboot',
      where: 'luo_session_deserialize',
      what:
        "built without a handler for the device's descriptor: " +
        'no session can be opened, the memory of all of them stays reserved, and the device is lost',
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
      what: "the device's data cannot be read, so its descriptor does not come back",
    },
    unknown: {
      outcome: 'lost',
      endsIn: 'reboot',
      where: '',
      what: "the device's data is never read, so its descriptor does not come back",
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
      what:
        "the device's mappings cannot be read: its descriptor does not come back, and the pages of the tables " +
        'stay reserved',
    },
    unknown: {
      outcome: 'lost',
      endsIn: 'reboot',
      where: '',
      what: "nothing takes over the tables of the IOMMU, so the device's descriptor does not come back",
    },
    unwritten: null,
  },
];

const AT_ENUMERATION: Effect = {
  outcome: 'panic',
  endsIn: 'panic',
  where: 'pci_flb_retrieve',
  what: 'the kernel panics during PCI enumeration: it cannot read this version of the data of preserved devices',
};
const AT_IOMMU: Effect = {
  outcome: 'panic',
  endsIn: 'panic',
  where: 'iommu_liveupdate_flb_get_incoming',
  what: 'the kernel panics: failed to restore IOMMU Live Update FLB',
};

/**
 * Upstream's own data of devices, by its names (7.4 and the series before it): another version is a panic. A kernel
 * that does not know the name is not affected.
 */
export const UPSTREAM_RULES: Readonly<Record<string, Pick<Rule, 'differs' | 'unknown'>>> = {
  pci: { differs: AT_ENUMERATION, unknown: NONE },
  'iommu-liveupdate': { differs: AT_IOMMU, unknown: NONE },
};

const NO_HANDLER: Effect = {
  outcome: 'leak',
  endsIn: 'leak',
  where: 'luo_session_deserialize',
  what: 'no handler with that name: no session can be opened, and the memory of all of them stays reserved',
};

/**
 * Whatever a kernel registers with LUO under a name that the lab does not know. A session with a file of a missing
 * handler is lost with all others; an FLB that nobody asks for does no harm.
 */
export const REGISTERED_RULES: Readonly<Record<'handler' | 'flb', Pick<Rule, 'differs' | 'unknown'>>> = {
  handler: { differs: NO_HANDLER, unknown: NO_HANDLER },
  flb: { differs: NONE, unknown: NONE },
};

/** Layouts that changed without their version: the kernels seem to agree, but read each other's data wrongly. */
export const SILENT_CHANGES: readonly {
  component: string;
  version: number;
  since: readonly [number, number];
  what: string;
}[] = [
  { component: 'kho', version: 1, since: [6, 18], what: 'the bitmaps of the memory map grew from 512 bytes to a page' },
];

/** Switches on the next kernel's command line: the image could read the handover, but the switch turns that off. */
export const SWITCHES = {
  kho: {
    needs: ['session', 'memfd', 'object', 'device'] as readonly Use[],
    effect: {
      outcome: 'leak',
      endsIn: 'leak',
      where: 'luo_early_startup',
      what: 'kho=off: the memory is reserved anyway, but live update is disabled and nothing can be retrieved',
      signs: ['KHO is disabled', 'open /dev/liveupdate'],
    } satisfies Effect,
  },
  liveupdate: {
    needs: ['session', 'memfd', 'object', 'device'] as readonly Use[],
    effect: {
      outcome: 'leak',
      endsIn: 'leak',
      where: 'liveupdate_ioctl_init',
      what: 'liveupdate=off: the memory is reserved, but there is no /dev/liveupdate to retrieve it',
      signs: ['open /dev/liveupdate'],
    } satisfies Effect,
  },
} as const;
