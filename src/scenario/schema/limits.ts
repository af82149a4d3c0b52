// SPDX-License-Identifier: Apache-2.0
// How large things in a scenario may be.

export const PAGE = 4096;
export const MIB = 1024 * 1024;
export const GIB = 1024 * MIB;

export const LIMITS = {
  /** A scenario file, in bytes. */
  fileBytes: MIB / 4,
  memoryMin: 256 * MIB,
  memoryMax: 64 * GIB,
  cpus: 64,
  /** Any one size, in bytes. */
  size: 1024 * GIB,
  /** Areas of reserve_mem= that a kernel takes (RESERVE_MEM_MAX_ENTRIES in mm/memblock.c, 6.12 to 7.3). */
  reserveMem: 8,
  /** Kernels of a chain. */
  kernels: 256,
  /** Any one `count`. */
  count: 100_000,
  /** Sessions and files of one entry after its counts. */
  entries: 100_000,
  /** Steps after all counts and repeats. */
  steps: 500_000,
  /**
   * Bytes of a session's name, and of the kernel's field for it, which a wrong client may fill without a terminator.
   */
  sessionName: 63,
  sessionField: 64,
  /** Devices of a scenario: what a bus has room for. */
  devices: 64,
  /** What backs one device, in bytes. */
  backing: GIB,
  /** vCPUs of one guest; RAM of one, which the program in it maps. */
  guestCpus: 8,
  guestLeast: MIB,
  guestMost: 3 * GIB,
  /** A kernel of the lab with its user space. */
  guestLinux: 48 * MIB,
  /**
   * Steps that change what is in one file: the agent keeps account of 64 layers of content, and a step may make two.
   */
  changes: 30,
  /** Bytes of an object's label. */
  label: 32,
  /** Bytes of one epoch's additions to the kernel command line; the x86 kernel takes 2047 in all. */
  cmdline: 1024,
  /** Seconds. */
  timeout: 86_400,
  /** Seconds for a command, and for a stage of one of the kernel's own tests, where the scenario says nothing. */
  execTimeout: 300,
  selftestTimeout: 1200,
} as const;
