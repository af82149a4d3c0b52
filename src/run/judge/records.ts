// SPDX-License-Identifier: Apache-2.0
// The record of one update after it was judged.
import type { HandedOverOfResult } from '../../model/evidence/handed-over.js';
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
  /** All pages that KHO had marked before /dev/liveupdate was opened; null where they could not be seen. */
  handedOver: number | null;
  /** The pages that are still marked at the end. */
  marked: MarkedPages | null;
  baseline: BaselinePage[];
  /** What became of each page that was handed over; null if nobody followed them. */
  followed: HandedOverOfResult | null;
}
