// SPDX-License-Identifier: Apache-2.0
// What a series of kernels allows, where the series differ. A mistake that a later kernel has mended is no rule: the
// model demands the right answer of each series, so that the fuzzer finds the mistake again.

import { type Series, seriesOf } from '../../handover/index.js';

export interface SeriesRules {
  /** Where sessions and files of a session are described: a chain of blocks, or an array of this many pages. */
  room: 'chain' | { sessionPages: number; filePages: number };
  /** Whether a session says its name (LIVEUPDATE_SESSION_GET_NAME). */
  getName: 'answers' | 'unknown';
  /** Whether seals come back: documented as lost in memfd-v1. */
  seals: 'kept' | 'lost';
}

/** LUO_SESSION_PGCNT and LUO_FILE_PGCNT; constants of the source, which no type shows. */
const ARRAYS = { sessionPages: 16, filePages: 2 };

const RULES: Readonly<Record<Series, SeriesRules>> = {
  '6.19': { room: ARRAYS, getName: 'unknown', seals: 'lost' },
  '7.1': { room: ARRAYS, getName: 'unknown', seals: 'kept' },
  '7.2': { room: 'chain', getName: 'answers', seals: 'kept' },
  '7.3': { room: 'chain', getName: 'answers', seals: 'kept' },
};

/** By a kernel's name; of one that nobody knows, those of the newest series. */
export function rulesOf(kernel: string): SeriesRules {
  return RULES[seriesOf({ release: kernel, stock: true }) ?? '7.3'];
}
