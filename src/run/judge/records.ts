// SPDX-License-Identifier: Apache-2.0
// What is known of an update once it was judged.
import type { FileSpec } from '../../model/scenario/scenario.js';
import type { FileVerdict, PageCounts } from '../../oracles/files/file-verdict.js';
import type { BaselinePage } from '../../oracles/pages/baseline.js';
import type { MarkedPages } from '../machine/marked-pages.js';
import type { ExpectedFile } from '../state/file.js';

export interface FileRecord {
  kind: FileSpec['kind'] | 'reserve_mem';
  file: ExpectedFile;
  verdict: FileVerdict;
}

export interface UpdateRecord {
  /** The epoch that the update led into. */
  epoch: number;
  files: FileRecord[];
  counts: PageCounts;
  /** Pages, of any kind, that KHO marked before anyone opened /dev/liveupdate; null where it could not be seen. */
  handedOver: number | null;
  /** Those that are still marked at the end. */
  marked: MarkedPages | null;
  baseline: BaselinePage[];
}
