// SPDX-License-Identifier: Apache-2.0
// A position in a scenario file, for messages.

/** Lines and columns count from 1. */
export interface SourcePos {
  file: string;
  line: number;
  column: number;
}
