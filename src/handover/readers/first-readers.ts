// SPDX-License-Identifier: Apache-2.0
// Who reads which place of a handover first, in each series of kernels. The functions are those of
// kernel/liveupdate/*.c, mm/memfd_luo.c and mm/memblock.c. A change of a place that is made before its first reader has
// the same effect as one at the jump, so a machine may be saved as late as that.
import type { Rung } from '../../model/result/snapshot.js';
import type { Place } from '../../model/scenario/place.js';

/** Series of kernels whose source was read for this table. */
export const SERIES = ['6.19', '7.1', '7.2', '7.3'] as const;
export type Series = (typeof SERIES)[number];

/** `kho.version`, `session.name`; `content` has no fields. */
export type PlaceKey<P extends Place = Place> = P extends { field: infer F extends string }
  ? `${P['of']}.${F}`
  : P['of'];

export interface FirstReader {
  /** The last rung at which nobody has read the place. */
  rung: Rung;
  /** The function that reads it first. */
  by: string;
}

/** Null: this series knows no such place, so nothing is known about its reader. */
export type ReaderOfSeries = FirstReader | null;

export interface PlaceReaders {
  of: Record<Series, ReaderOfSeries>;
  /**
   * Everybody who looks for a node of the root tree can meet the others. `reserve_mem=` on the command line does that
   * before the initcalls, and the lab's own object does it in an initcall of the same level as LUO's.
   */
  met: 'by-searches' | 'by-its-reader';
}

/**
 * Functions of the next kernel at which it stops for a rung. Both are there whenever the kernel has KHO and LUO, also
 * without debug information: the architecture calls `kho_populate`, and the initcall table has the other's address.
 */
export const RUNG_SYMBOLS = { kho: 'kho_populate', luo: 'liveupdate_early_init' } as const;

const at = (rung: Rung, by: string): FirstReader => ({ rung, by });
const everywhere = (reader: ReaderOfSeries, met: PlaceReaders['met'] = 'by-its-reader'): PlaceReaders => ({
  of: { '6.19': reader, '7.1': reader, '7.2': reader, '7.3': reader },
  met,
});
const bySeries = (of: Record<Series, ReaderOfSeries>): PlaceReaders => ({ of, met: 'by-its-reader' });

/** Everything that leads to pages: the map is walked before the page allocator gets its memory. */
const MAP = bySeries({
  '6.19': at('kho', 'kho_mem_deserialize'),
  '7.1': at('kho', 'kho_mem_retrieve'),
  '7.2': at('kho', 'kho_mem_retrieve'),
  '7.3': at('kho', 'kho_extend_scratch'),
});
const NODE = everywhere(at('luo', 'kho_retrieve_subtree'), 'by-searches');
const LUO = everywhere(at('luo', 'luo_early_startup'));
const METADATA = bySeries({
  '6.19': null,
  '7.1': at('luo', 'kho_in_kexec_metadata'),
  '7.2': at('luo', 'kho_in_kexec_metadata'),
  '7.3': at('luo', 'kho_in_kexec_metadata'),
});
/** A handler's FLBs are looked up when it registers, if the kernel has CONFIG_LIVEUPDATE_TEST. */
const FLBS = bySeries({
  '6.19': null,
  '7.1': at('luo', 'luo_flb_retrieve_one'),
  '7.2': at('luo', 'luo_flb_retrieve_one'),
  '7.3': at('luo', 'luo_flb_retrieve_one'),
});
const RESERVE_MEM = everywhere(at('kho', 'reserve_mem_kho_revive'));
/** `open()` of /dev/liveupdate reads all sessions and their lists of files. */
const SESSION = everywhere(at('open', 'luo_session_deserialize'));
const FILE = everywhere(at('open', 'luo_file_deserialize'));
/** Up to 7.1 the files of a session are an array without a header. */
const FILES = bySeries({
  '6.19': null,
  '7.1': null,
  '7.2': at('open', 'kho_block_set_restore'),
  '7.3': at('open', 'kho_block_set_restore'),
});
const MEMFD = everywhere(at('retrieve', 'memfd_luo_retrieve'));
const FOLIO_LIST = everywhere(at('retrieve', 'kho_restore_vmalloc'));
const FOLIO = everywhere(at('retrieve', 'memfd_luo_retrieve_folios'));

export const FIRST_READERS: Readonly<Record<PlaceKey, PlaceReaders>> = {
  'kho.root': everywhere(at('kho', 'kho_populate')),
  'kho.version': everywhere(at('kho', 'kho_populate')),
  'kho.map': everywhere(at('kho', 'kho_get_mem_map_phys')),
  'map.root': MAP,
  'map.leaf': MAP,
  'node.whole': NODE,
  'node.size': NODE,
  'node.data': NODE,
  'luo.version': LUO,
  'luo.number': LUO,
  // It is a property of LUO's node in the root tree.
  'luo.size': NODE,
  'luo.sessions_pa': LUO,
  'luo.flbs_pa': LUO,
  // Since 7.2 sessions and FLBs have no version of their own.
  'sessions.version': bySeries({
    '6.19': at('luo', 'luo_session_setup_incoming'),
    '7.1': at('luo', 'luo_session_setup_incoming'),
    '7.2': null,
    '7.3': null,
  }),
  // Up to 7.1 only the address of the array is taken early; since 7.2 the whole chain of blocks is checked.
  'sessions.count': bySeries({
    '6.19': at('open', 'luo_session_deserialize'),
    '7.1': at('open', 'luo_session_deserialize'),
    '7.2': at('luo', 'kho_block_set_restore'),
    '7.3': at('luo', 'kho_block_set_restore'),
  }),
  'sessions.next': bySeries({
    '6.19': null,
    '7.1': null,
    '7.2': at('luo', 'kho_block_set_is_cyclic'),
    '7.3': at('luo', 'kho_block_set_is_cyclic'),
  }),
  'flbs.version': bySeries({ '6.19': null, '7.1': at('luo', 'luo_flb_setup_incoming'), '7.2': null, '7.3': null }),
  'flbs.count': FLBS,
  // No kernel reads it yet: as early as what lies beside it.
  'flbs.pages': FLBS,
  'session.name': SESSION,
  'session.count': FILE,
  'session.files': FILE,
  'files.count': FILES,
  'files.next': FILES,
  'file.compatible': FILE,
  'file.data': FILE,
  'file.token': FILE,
  'memfd.pos': MEMFD,
  'memfd.size': MEMFD,
  'memfd.seals': MEMFD,
  'memfd.flags': MEMFD,
  'memfd.nr_folios': MEMFD,
  'memfd.folios.first': FOLIO_LIST,
  'memfd.folios.total_pages': FOLIO_LIST,
  'memfd.folios.flags': FOLIO_LIST,
  'memfd.folios.order': FOLIO_LIST,
  'memfd.folios.next': FOLIO_LIST,
  block: FOLIO_LIST,
  'folio.pfn': FOLIO,
  'folio.flags': FOLIO,
  'folio.index': FOLIO,
  // Its bit in the map.
  'folio.preserved': MAP,
  // Nobody reads the pages themselves before user space does; nothing writes to them, because they are reserved from
  // the moment at which the map is read. A retrieve that finds a folio not up to date clears it.
  content: everywhere(at('retrieve', 'memfd_luo_retrieve_folios')),
  'kexec-metadata.version': METADATA,
  'kexec-metadata.previous_release': METADATA,
  'kexec-metadata.kexec_count': METADATA,
  'memblock.version': everywhere(at('kho', 'reserve_mem_kho_retrieve_fdt')),
  'reserve-mem.whole': RESERVE_MEM,
  'reserve-mem.version': RESERVE_MEM,
  'reserve-mem.start': RESERVE_MEM,
  'reserve-mem.size': RESERVE_MEM,
};
