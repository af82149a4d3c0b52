// SPDX-License-Identifier: Apache-2.0
// What a kernel hands over and the lab does not know: components without a rule, structures that no code of the lab
// reads, fields that no kernel had so far. What is known is still judged; the rest is named, not guessed.
import type { Field, Structure } from '../../model/kernel/abi.js';
import { hardwarePart } from '../rules/hardware.js';
import { RULES } from '../rules/rules.js';

/** Components that others cover (COVERS), and the lab's own. */
const COMPONENTS: ReadonlySet<string> = new Set([
  ...RULES.map(({ component }) => component),
  'block',
  'vmalloc',
  'radix',
  'object',
  'test_kho',
]);

/** The structures of Linux 6.17 to 7.3 and their fields. */
const STRUCTURES: Readonly<Record<string, readonly string[]>> = {
  kho_block_header_ser: ['next', 'count'],
  kho_data: ['fdt_addr', 'fdt_size', 'scratch_addr', 'scratch_size'],
  kho_kexec_metadata: ['version', 'previous_release', 'kexec_count'],
  kho_mem_phys_bits: ['preserve'],
  kho_radix_leaf: ['bitmap'],
  kho_radix_node: ['table'],
  kho_scratch: ['addr', 'size'],
  kho_vmalloc: ['first', 'total_pages', 'flags', 'order'],
  kho_vmalloc_chunk: ['hdr', 'phys'],
  kho_vmalloc_hdr: ['next'],
  khoser_mem_bitmap_ptr: ['phys_start', 'bitmap'],
  khoser_mem_chunk: ['hdr', 'bitmaps'],
  khoser_mem_chunk_hdr: ['next', 'order', 'num_elms'],
  luo_file_ser: ['compatible', 'data', 'token'],
  luo_file_set_ser: ['files', 'count'],
  luo_flb_header_ser: ['pgcnt', 'count'],
  luo_flb_ser: ['name', 'data', 'count'],
  luo_ser: ['compatible', 'liveupdate_num', 'sessions_pa', 'flbs_pa'],
  luo_session_header_ser: ['count'],
  luo_session_ser: ['name', 'file_set_ser', 'files', 'count'],
  memfd_luo_folio_ser: ['pfn', 'flags', 'index'],
  memfd_luo_ser: ['pos', 'size', 'seals', 'flags', 'nr_folios', 'folios'],
};

/** Of the lab's own object and devices (lab/kernel), and of the series for 7.4 that it speaks. */
const OWN = /^(object|labobj|lukeep)_\w+$|^(pci_ser|pci_dev_ser|vfio_pci_ser|iommu_flb_ser)$/;

export interface Handed {
  /** Names of the components in the image. */
  components: readonly string[];
  /** Null if the layouts were not read. */
  structures: readonly Structure[] | null;
}

/** One text for each thing that the lab does not know. */
export function unknownToLab({ components, structures }: Handed): string[] {
  const strange = [...new Set(components)].filter((name) => !COMPONENTS.has(name) && hardwarePart(name) === null);
  return [...strange.map((name) => `component ${name}`), ...(structures ?? []).flatMap(ofStructure)];
}

function ofStructure({ name, kind, size, fields }: Structure): string[] {
  if (OWN.test(name)) return [];
  const known = Object.hasOwn(STRUCTURES, name) ? STRUCTURES[name] : undefined;
  if (known === undefined) return [`${kind} ${name}, ${size} bytes`];
  // A nested structure is listed by itself.
  return fields
    .filter((field) => !field.name.includes('.') && !known.includes(field.name))
    .map((field) => `field ${name}.${field.name}, ${placeOf(field)}`);
}

function placeOf({ type, offset }: Field): string {
  return `${type} at ${offset}`;
}
