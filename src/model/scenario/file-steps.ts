// SPDX-License-Identifier: Apache-2.0
// Steps on files and sessions that are there already: what a client may still do with them, preserved or not.
import type { Seal } from './scenario.js';

export const FALLOCATES = ['allocate', 'keep-size', 'punch-hole'] as const;
export type Fallocate = (typeof FALLOCATES)[number];

export const MEMFD_FLAGS = ['noexec', 'exec', 'hugetlb'] as const;
/** MFD_NOEXEC_SEAL, MFD_EXEC, MFD_HUGETLB. */
export type MemfdFlag = (typeof MEMFD_FLAGS)[number];

/** What may be done through a descriptor. */
export const ACCESSES = ['rw', 'r'] as const;
export type Access = (typeof ACCESSES)[number];

export type FileAction =
  /** Writes the pattern of `seed` into pages; a last page that is not full stays so. */
  | { op: 'write'; file: string; seed: number; first: number; count: number }
  | { op: 'truncate'; file: string; size: number }
  | { op: 'fallocate'; file: string; first: number; count: number; how: Fallocate }
  | { op: 'seal'; file: string; seals: Seal[] }
  /** Another descriptor of the same file, with a position and rights of its own. */
  | { op: 'reopen'; file: string; as: string; access: Access }
  | { op: 'seek'; file: string; position: number }
  /** The kernel must call the session `name`. */
  | { op: 'get-name'; session: string; name: string };

const OPS: ReadonlySet<string> = new Set<FileAction['op']>([
  'write',
  'truncate',
  'fallocate',
  'seal',
  'reopen',
  'seek',
  'get-name',
]);

export function isFileAction(action: { op: string }): action is FileAction {
  return OPS.has(action.op);
}
