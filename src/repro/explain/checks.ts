// SPDX-License-Identifier: Apache-2.0
// The messages of kernels that refuse a handover, with the place that each is about and the source file that prints it.
// Taken from 6.19, 7.1, 7.2 and 7.3. Function and line of a given kernel are looked up in its own source.
import type { Place } from '../../model/scenario/place.js';

/** A place that is known from the message alone, or how to find it. */
export type About =
  | { how: 'place'; text: string; place: Place }
  /** The first file with the version in the message. */
  | { how: 'handler' }
  /** The first session whose files are inconsistent. */
  | { how: 'session' }
  /** The first damaged chain of blocks: that of the sessions, or of a session's files. */
  | { how: 'blocks' }
  /** The folio at the physical address in the message. */
  | { how: 'folio' }
  /** The first memfd. */
  | { how: 'memfd'; field: 'seals' | 'nr_folios' | 'size' };

export interface CheckRow {
  /** Matches the canonical title. */
  title: RegExp;
  /** What the kernel refuses. */
  refuses: string;
  /** Source files that may contain the check. */
  files: readonly string[];
  /** Part of the line that prints the message. */
  words: string;
  /** Its function in 7.3, in case there is no source. */
  function: string;
  about: About | null;
  /** The message only follows from an earlier one. */
  follows?: true;
}

const KHO = ['kernel/liveupdate/kexec_handover.c'];
const CORE = ['kernel/liveupdate/luo_core.c'];
const SESSION = ['kernel/liveupdate/luo_session.c'];
const FILE = ['kernel/liveupdate/luo_file.c'];
const MEMFD = ['mm/memfd_luo.c'];
const MEMBLOCK = ['mm/memblock.c'];

const at = (text: string, place: Place): About => ({ how: 'place', text, place });

export const CHECKS: readonly CheckRow[] = [
  {
    title: /^KHO: handover FDT is incompatible/,
    refuses: 'the version of the root tree',
    files: KHO,
    words: "handover FDT (0x%llx) is incompatible with '%s'",
    function: 'kho_populate',
    about: at('kho.version', { of: 'kho', field: 'version' }),
  },
  {
    title: /^KHO: handover FDT is invalid/,
    refuses: 'the root tree as a whole',
    files: KHO,
    words: 'handover FDT (0x%llx) is invalid',
    function: 'kho_populate',
    about: at('kho.root', { of: 'kho', field: 'root' }),
  },
  {
    title: /^KHO: failed to get preserved memory/,
    refuses: 'the pointer to the map of the preserved memory',
    files: KHO,
    words: 'failed to get preserved',
    function: 'kho_get_mem_map_phys',
    about: at('kho.map', { of: 'kho', field: 'map' }),
  },
  {
    title: /^KHO: broken KHO subnode/,
    refuses: 'the size of a subtree',
    files: KHO,
    words: "broken KHO subnode '%s'",
    function: 'kho_retrieve_subtree',
    about: at('luo.size', { of: 'luo', field: 'size' }),
  },
  {
    title: /^KHO: kexec-metadata/,
    refuses: 'the version of kexec-metadata',
    files: KHO,
    words: 'kexec-metadata version %u not supported',
    function: 'kho_in_kexec_metadata',
    about: at('kexec-metadata.version', { of: 'kexec-metadata', field: 'version' }),
  },
  {
    title: /^Passed KHO data, but CONFIG_KEXEC_HANDOVER not set/,
    refuses: 'any handover: it is built without KHO',
    files: ['arch/x86/kernel/setup.c'],
    words: 'Passed KHO data',
    function: 'add_kho',
    about: at('kho.version', { of: 'kho', field: 'version' }),
  },
  {
    title: /^luo: LUO state is incompatible/,
    refuses: "the version of LUO's state",
    files: CORE,
    words: "LUO state is incompatible with '%s'",
    function: 'luo_early_startup',
    about: at('luo.version', { of: 'luo', field: 'version' }),
  },
  {
    title: /^luo: FDT is incompatible/,
    refuses: "the version of LUO's tree",
    files: CORE,
    words: "FDT '%s' is incompatible with '%s'",
    function: 'luo_early_startup',
    about: at('luo.version', { of: 'luo', field: 'version' }),
  },
  {
    title: /^luo: LUO state is too small/,
    refuses: "the size of LUO's state",
    files: CORE,
    words: 'LUO state is too small',
    function: 'luo_early_startup',
    about: at('luo.size', { of: 'luo', field: 'size' }),
  },
  {
    title: /^luo: failed to retrieve LUO state/,
    refuses: "LUO's node of the root tree",
    files: CORE,
    words: 'failed to retrieve',
    function: 'luo_early_startup',
    about: at('luo.size', { of: 'luo', field: 'size' }),
  },
  {
    title: /^luo: Session node incompatible/,
    refuses: 'the version of the sessions',
    files: SESSION,
    words: 'Session node incompatible',
    function: 'luo_session_setup_incoming',
    about: at('sessions.version', { of: 'sessions', field: 'version' }),
  },
  {
    title: /^luo: FLB node is incompatible/,
    refuses: 'the version of the FLBs',
    files: ['kernel/liveupdate/luo_flb.c'],
    words: 'FLB node is incompatible',
    function: 'luo_flb_setup_incoming',
    about: at('flbs.version', { of: 'flbs', field: 'version' }),
  },
  {
    title: /^luo: No registered handler for compatible/,
    refuses: 'a file, for which it has no handler',
    files: FILE,
    words: 'No registered handler for compatible',
    function: 'luo_file_deserialize_one',
    about: { how: 'handler' },
  },
  {
    title: /^luo: File count mismatch/,
    refuses: "the number of a session's files",
    files: FILE,
    words: 'File count mismatch',
    function: 'luo_file_deserialize',
    about: { how: 'session' },
  },
  {
    title: /^luo: Block set is corrupted/,
    refuses: 'a chain of blocks',
    files: ['kernel/liveupdate/kho_block.c'],
    words: 'Block set is corrupted',
    function: 'kho_block_set_is_cyclic',
    about: { how: 'blocks' },
  },
  {
    title: /^luo: Block contains invalid entry count/,
    refuses: 'the number of entries of a block',
    files: ['kernel/liveupdate/kho_block.c'],
    words: 'Block contains invalid entry count',
    function: 'kho_block_set_restore',
    about: { how: 'blocks' },
  },
  {
    title: /^memfd_luo: Unable to restore folio/,
    refuses: 'a folio, which is not a preserved page',
    files: MEMFD,
    words: 'pr_err("Unable to restore folio',
    function: 'memfd_luo_retrieve_folios',
    about: { how: 'folio' },
  },
  {
    title: /^memfd_luo: shmem: failed to (?:add to page cache|charge)/,
    refuses: 'the place of a folio in the file',
    files: MEMFD,
    words: 'shmem: failed to',
    function: 'memfd_luo_retrieve_folios',
    about: { how: 'memfd', field: 'nr_folios' },
  },
  {
    title: /^memfd_luo: failed to add seals/,
    refuses: 'the seals of a memfd',
    files: MEMFD,
    words: 'failed to add seals',
    function: 'memfd_luo_retrieve',
    about: { how: 'memfd', field: 'seals' },
  },
  {
    title: /^FDT 'memblock' is incompatible/,
    refuses: "the version of memblock's tree",
    files: MEMBLOCK,
    words: "FDT '%s' is incompatible with '%s'",
    function: 'reserve_mem_kho_retrieve_fdt',
    about: at('memblock.version', { of: 'memblock', field: 'version' }),
  },
  {
    title: /^reserve_mem node is incompatible/,
    refuses: 'the version of a reservation',
    files: MEMBLOCK,
    words: "Node '%s' is incompatible with '%s'",
    function: 'reserve_mem_kho_revive',
    about: at('memblock.version', { of: 'memblock', field: 'version' }),
  },
  {
    title: /^luo: Freeze failed/,
    refuses: 'the kexec: a handler cannot freeze',
    files: FILE,
    words: 'Freeze failed for token',
    function: 'luo_file_freeze',
    about: null,
  },
  {
    title: /^luo: Failed to (?:allocate|insert) session/,
    refuses: 'a session',
    files: SESSION,
    words: 'session [',
    function: 'luo_session_deserialize_one',
    about: { how: 'session' },
  },
  {
    title: /The incoming tree failed to initialize properly/,
    refuses: 'to go on without LUO',
    files: CORE,
    words: 'The incoming tree failed to initialize properly',
    function: 'liveupdate_early_init',
    about: at('luo.version', { of: 'luo', field: 'version' }),
    follows: true,
  },
  {
    title: /^luo: Failed to deserialize files/,
    refuses: 'the files of a session',
    files: SESSION,
    words: 'Failed to deserialize files',
    function: 'luo_session_deserialize_one',
    about: { how: 'session' },
    follows: true,
  },
];

/** Where the next kernel first meets a structure whose layout has changed. */
export const FIRST_OF: Readonly<Record<string, About>> = {
  luo_ser: at('luo.version', { of: 'luo', field: 'version' }),
  kho_block_header_ser: { how: 'blocks' },
  luo_session_ser: { how: 'session' },
  memfd_luo_ser: { how: 'memfd', field: 'size' },
  kho_kexec_metadata: at('kexec-metadata.version', { of: 'kexec-metadata', field: 'version' }),
};

/** The check of the first incident that has one; incidents that only follow count only if there is no other. */
export function checkFor<T extends { title: string }>(incidents: readonly T[]): { row: CheckRow; incident: T } | null {
  const hits = incidents.flatMap((incident) => {
    const row = CHECKS.find(({ title }) => title.test(incident.title));
    return row === undefined ? [] : [{ row, incident }];
  });
  return hits.find(({ row }) => row.follows !== true) ?? hits[0] ?? null;
}
