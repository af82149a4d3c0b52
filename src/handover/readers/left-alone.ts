// SPDX-License-Identifier: Apache-2.0
// Places that the old kernel writes when it boots, or when a file is preserved, and that it neither reads nor writes
// during an update. A change of such a place before the kexec has the same effect as one at the jump. Read from the
// same sources as first-readers.ts.
import type { PlaceKey, Series } from './first-readers.js';

/** The root tree and what it points to. Since 7.1 it is finished at boot; before, the kexec itself writes the map. */
const SINCE_71: readonly PlaceKey[] = [
  'kho.root',
  'kho.version',
  'kho.map',
  'node.whole',
  'node.size',
  'node.data',
  'luo.size',
  'luo.version',
  'luo.number',
  'luo.flbs_pa',
  'sessions.version',
  'flbs.version',
  'kexec-metadata.version',
  'kexec-metadata.previous_release',
  'kexec-metadata.kexec_count',
  'memblock.version',
  'reserve-mem.whole',
  'reserve-mem.version',
  'reserve-mem.start',
  'reserve-mem.size',
];

/**
 * `luo_session_serialize` writes `luo.sessions_pa` (since 7.2), sessions and files. `luo_flb_serialize` writes the
 * FLBs, and `memfd_luo_freeze` the position. None of these is here.
 */
export const LEFT_ALONE: Readonly<Record<Series, ReadonlySet<PlaceKey>>> = {
  '6.19': new Set(['luo.version', 'luo.number', 'sessions.version']),
  '7.1': new Set(SINCE_71),
  '7.2': new Set(SINCE_71),
  '7.3': new Set(SINCE_71),
};
