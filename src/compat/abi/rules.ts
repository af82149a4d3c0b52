// SPDX-License-Identifier: Apache-2.0
// Which structures cross the kexec, and which version covers the layout of each. Only data.

/** Every structure in these headers crosses the kexec. */
export const ABI_HEADERS = /(^|\/)include\/linux\/kho\/abi\//;

/** Elsewhere the name decides. Structures with pointers of the running kernel cannot cross and are skipped. */
export const CROSSING: readonly RegExp[] = [
  /^kho_/,
  /^khoser_/,
  /^luo_(\w+_)?ser$/,
  /^\w+_luo_(\w+_)?ser$/,
  /^\w+_ser$/,
];

/** Exceptions: these stay in one kernel although they contain no pointer. */
export const STAYS: readonly RegExp[] = [/^kho_(in|out)$/, /^kho_page_info$/, /^kho_debugfs$/];

/** More headers, outside the ABI folder, with structures that cross. */
export const FURTHER_HEADERS: readonly string[] = ['asm/setup_data.h', 'linux/kexec_handover.h'];

export interface Cover {
  structure: RegExp;
  /** Components whose version covers it: the first one that the kernel has. */
  components: readonly string[];
}

/** The first matching row counts. */
export const COVERS: readonly Cover[] = [
  { structure: /^kho_kexec_metadata$/, components: ['kexec-metadata'] },
  { structure: /^kho_block_/, components: ['block', 'luo'] },
  { structure: /^kho_vmalloc/, components: ['vmalloc', 'kho'] },
  { structure: /^kho_radix_/, components: ['radix', 'kho'] },
  { structure: /^kho(ser)?_/, components: ['kho'] },
  { structure: /^luo_(session|file)_/, components: ['luo-session', 'luo'] },
  { structure: /^luo_flb_/, components: ['luo-flb', 'luo'] },
  { structure: /^luo_/, components: ['luo'] },
  { structure: /^memfd_/, components: ['memfd'] },
  { structure: /^reserve_mem_/, components: ['reserve-mem'] },
  { structure: /^memblock_/, components: ['memblock'] },
  { structure: /^iommu_/, components: ['iommu-liveupdate', 'iommu'] },
];
