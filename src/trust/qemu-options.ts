// SPDX-License-Identifier: Apache-2.0
// The QEMU options that data may use. A value that is not listed is refused: nothing here takes a path, a file, a
// socket, a network, or the name of another object of QEMU that has one.

/** The form of an option's value: `first,key=value,...`. */
export interface OptionForm {
  /** What may stand first without a key. */
  first?: RegExp;
  keys: Readonly<Record<string, RegExp>>;
  /** Also these keys, such as the features of a processor. */
  anyKey?: RegExp;
}

const SWITCH = /^(?:on|off)$/;
const NUMBER = /^(?:0x[0-9a-fA-F]{1,8}|\d{1,9})$/;
const SIZE = /^\d{1,9}[KMGT]?$/;
/** No slash, comma or space: neither a path nor a list. */
const WORD = /^[A-Za-z0-9_.:+-]{1,64}$/;
const CPUS = /^\d{1,3}(?:-\d{1,3})?$/;

/** Options by name, without dashes. */
export const OPTIONS: Readonly<Record<string, OptionForm>> = {
  icount: { first: /^(?:auto|\d{1,2})$/, keys: { shift: /^(?:auto|\d{1,2})$/, sleep: SWITCH, align: SWITCH } },
  rtc: {
    keys: {
      base: /^(?:utc|localtime|\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d)?)$/,
      clock: /^(?:host|rt|vm)$/,
      driftfix: /^(?:none|slew)$/,
    },
  },
  smp: {
    first: NUMBER,
    keys: {
      cpus: NUMBER,
      maxcpus: NUMBER,
      sockets: NUMBER,
      dies: NUMBER,
      modules: NUMBER,
      clusters: NUMBER,
      cores: NUMBER,
      threads: NUMBER,
    },
  },
  m: { keys: { slots: /^\d{1,3}$/, maxmem: SIZE } },
  numa: {
    first: /^(?:node|dist|cpu)$/,
    keys: {
      nodeid: NUMBER,
      cpus: CPUS,
      initiator: NUMBER,
      memdev: /^ram$/,
      src: NUMBER,
      dst: NUMBER,
      val: NUMBER,
      'node-id': NUMBER,
      'socket-id': NUMBER,
      'die-id': NUMBER,
      'core-id': NUMBER,
      'thread-id': NUMBER,
    },
  },
  cpu: { first: WORD, keys: {}, anyKey: /^[+-]?[A-Za-z0-9_.-]{1,64}$/ },
  machine: {
    keys: {
      acpi: SWITCH,
      hmat: SWITCH,
      hpet: SWITCH,
      'kernel-irqchip': /^(?:on|off|split)$/,
      'mem-merge': SWITCH,
      nvdimm: SWITCH,
      pit: SWITCH,
      smm: SWITCH,
    },
  },
  'watchdog-action': { first: /^(?:reset|shutdown|poweroff|inject-nmi|pause|debug|none)$/, keys: {} },
};

/** Properties of every device in the list. */
export const DEVICE_KEYS: Readonly<Record<string, RegExp>> = {
  id: WORD,
  bus: WORD,
  addr: WORD,
  multifunction: SWITCH,
  'disable-legacy': /^(?:on|off|auto)$/,
  'disable-modern': SWITCH,
  iommu_platform: SWITCH,
  ats: SWITCH,
};

const PORT = { chassis: NUMBER, slot: NUMBER, port: NUMBER, hotplug: SWITCH };
const IOMMU = { intremap: /^(?:on|off|auto)$/, 'device-iotlb': SWITCH, pt: SWITCH, 'aw-bits': NUMBER };

/** Device models of which no property is a file, a disk, a network, a character device or memory of the host. */
export const DEVICES: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  edu: { dma_mask: NUMBER },
  'pvpanic-pci': {},
  vmcoreinfo: {},
  i6300esb: {},
  'virtio-rng-pci': { 'max-bytes': NUMBER, period: NUMBER },
  'virtio-balloon-pci': { 'deflate-on-oom': SWITCH, 'free-page-reporting': SWITCH },
  'pcie-root-port': { ...PORT, 'bus-reserve': NUMBER, 'io-reserve': SIZE, 'mem-reserve': SIZE, 'pref64-reserve': SIZE },
  'pcie-pci-bridge': {},
  'pci-bridge': { chassis_nr: NUMBER },
  'x3130-upstream': {},
  'xio3130-downstream': PORT,
  'pxb-pcie': { bus_nr: NUMBER, numa_node: NUMBER },
  'intel-iommu': { ...IOMMU, eim: /^(?:on|off|auto)$/, 'caching-mode': SWITCH, 'x-scalable-mode': WORD },
  'amd-iommu': { ...IOMMU, xtsup: SWITCH },
  'virtio-iommu-pci': { 'boot-bypass': SWITCH },
  'qemu-xhci': {},
  'usb-kbd': {},
  'usb-mouse': {},
  'usb-tablet': {},
};

/** Properties that `-global` may set, besides those of the devices above. */
export const GLOBALS: typeof DEVICES = {
  ...DEVICES,
  hpet: { msi: SWITCH, timers: NUMBER },
  'ICH9-LPC': { disable_s3: NUMBER, disable_s4: NUMBER, noreboot: /^(?:true|false|on|off)$/ },
  'kvm-pit': { lost_tick_policy: WORD },
  mc146818rtc: { lost_tick_policy: WORD },
  'q35-pcihost': { 'pci-hole64-size': SIZE },
};

/** The most words for QEMU, and the most characters of one. */
export const MAX_ARGS = 64;
export const MAX_ARG = 512;

/** The value of a key that has no pattern of its own. */
export const ANY_VALUE = WORD;
