// SPDX-License-Identifier: Apache-2.0
// Limits of sizes and counts in a scenario.

export const PAGE = 4096;
export const MIB = 1024 * 1024;
export const GIB = 1024 * MIB;

/** The count of a write without pages. validate/follow-files.ts replaces it when the file's size is known. */
export const ALL_PAGES = 0;

export const LIMITS = {
  memoryMin: 256 * MIB,
  memoryMax: 64 * GIB,
  cpus: 64,
  /** Refs of a git tree in a plan. */
  refs: 16,
  /** NUMA nodes, and memory modules that steps add. */
  nodes: 8,
  /** Bytes that steps add. A module has whole sections of the kernel's page array. */
  addedMemory: 16 * GIB,
  module: 128 * MIB,
  /** Any size, in bytes. */
  size: 1024 * GIB,
  /** Areas of reserve_mem= that a kernel accepts (RESERVE_MEM_MAX_ENTRIES in mm/memblock.c, 6.12 to 7.3). */
  reserveMem: 8,
  /** Kernels in a chain. */
  kernels: 256,
  /** Allocations of a call that can be named. */
  allocations: 1_000_000,
  /** Any `count`. */
  count: 100_000,
  /** Sessions and files of an entry, all copies counted. */
  entries: 100_000,
  /** Steps, all copies and repeats counted. */
  steps: 500_000,
  /**
   * Bytes of a session's name, and of the kernel's field for it. A faulty client may fill the field without a
   * terminator.
   */
  sessionName: 63,
  sessionField: 64,
  /** Devices in a scenario, limited by the room on a bus. */
  devices: 64,
  /** Backing storage of a device, in bytes. */
  backing: GIB,
  /** vCPUs of a guest, and its RAM, which the program in it maps. */
  guestCpus: 8,
  guestLeast: MIB,
  guestMost: 3 * GIB,
  /** Minimum RAM for a kernel of the lab with its user space. */
  guestLinux: 48 * MIB,
  /** Steps that change the content of a file: the agent tracks 64 layers of content, and a step may add two. */
  changes: 30,
  /** Bytes of an ioctl's argument after its size. */
  ioctlBytes: 4096,
  /** Bytes of the argument of an ioctl that returns a descriptor. */
  ioctlArgument: 4096,
  /** Bytes of an object's label. */
  label: 32,
  /** Bytes of an epoch's additions to the kernel command line; the x86 kernel accepts 2047 in total. */
  cmdline: 1024,
  /** In seconds. */
  timeout: 86_400,
  /** Default seconds for a command, and for a stage of one of the kernel's own tests. */
  execTimeout: 300,
  hotplugTimeout: 60,
  selftestTimeout: 1200,
} as const;
