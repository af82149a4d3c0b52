// SPDX-License-Identifier: Apache-2.0
// The crash table: every console message that the lab knows, as data. To add one, put a format into one of the tables
// below and a golden log into the tests (docs/console.md).
import type { PatternGroup } from './pattern.js';
import { HANDOVER_GROUPS } from './table/handover.js';
import { KEEP_GROUP } from './table/keep.js';
import { SERIES_GROUP } from './table/series.js';
import { KERNEL_GROUPS } from './table/kernel.js';

/** Ordered: the first group that matches a line names its finding. */
export const PATTERN_GROUPS: readonly PatternGroup[] = [...KERNEL_GROUPS, ...HANDOVER_GROUPS, KEEP_GROUP, SERIES_GROUP];
