// SPDX-License-Identifier: Apache-2.0
// Steps on files and sessions that exist already, preserved or not.
import { RAW_OPS, type RawAction } from './raw.js';

export const SEALS = ['seal', 'shrink', 'grow', 'write', 'future_write', 'exec'] as const;
export type Seal = (typeof SEALS)[number];

/** F_SEAL_EXEC on a file that can be executed sets these as well (memfd_add_seals() in mm/memfd.c). */
const WITH_EXEC: readonly Seal[] = ['shrink', 'grow', 'write', 'future_write'];

/** These seals, and those that come with them. */
export function withImplied(seals: readonly Seal[], { executable }: { executable: boolean }): Seal[] {
  return seals.includes('exec') && executable ? [...seals, ...WITH_EXEC] : [...seals];
}

/**
 * The seals of a memfd that is created so (mm/memfd.c). MFD_NOEXEC_SEAL allows sealing and sets F_SEAL_EXEC. Without it
 * the lab asks for MFD_ALLOW_SEALING only if there are seals to set; else a memfd has F_SEAL_SEAL.
 */
export function sealsOf({ noexec, seals }: { noexec: boolean; seals: readonly Seal[] }): Seal[] {
  const first: readonly Seal[] = noexec ? ['exec'] : seals.length === 0 ? ['seal'] : [];
  return [...first, ...withImplied(seals, { executable: !noexec })];
}

export const FALLOCATES = ['allocate', 'keep-size', 'punch-hole'] as const;
export type Fallocate = (typeof FALLOCATES)[number];

export const MEMFD_FLAGS = ['noexec', 'exec', 'hugetlb'] as const;
/** MFD_NOEXEC_SEAL, MFD_EXEC, MFD_HUGETLB. */
export type MemfdFlag = (typeof MEMFD_FLAGS)[number];

/** Access rights of a descriptor. */
export const ACCESSES = ['rw', 'r'] as const;
export type Access = (typeof ACCESSES)[number];

export type FileAction =
  /** Writes the pattern of `seed` into pages, without making the file longer. */
  | { op: 'write'; file: string; seed: number; first: number; count: number }
  | { op: 'truncate'; file: string; size: number }
  | { op: 'fallocate'; file: string; first: number; count: number; how: Fallocate }
  | { op: 'seal'; file: string; seals: Seal[] }
  /** Opens another descriptor of the same file, with its own position and rights. */
  | { op: 'reopen'; file: string; as: string; access: Access }
  | { op: 'seek'; file: string; position: number }
  /** Asks the kernel for the session's name, which must be `name`. */
  | { op: 'get-name'; session: string; name: string }
  | RawAction;

export const FILE_OPS = ['write', 'truncate', 'fallocate', 'seal', 'reopen', 'seek', 'get-name', ...RAW_OPS] as const;

const OPS: ReadonlySet<string> = new Set<FileAction['op']>(FILE_OPS);

export function isFileAction(action: { op: string }): action is FileAction {
  return OPS.has(action.op);
}
