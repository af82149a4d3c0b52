// SPDX-License-Identifier: Apache-2.0
// What one kernel handed over, and what became of each page in the next one: the section `handedOver` of result.json.

/** Pages [page, page + count) of a file lie in page frames [pfn, pfn + count). */
export interface PagesOfFile {
  page: number;
  pfn: number;
  count: number;
}

/**
 * `preserved`: every page is in its place in one file, with its content. `released`: every page arrived with its
 * content, and was given back before the lab looked. `leaked`: never retrieved. `unjudged`: the machine ended first.
 */
export const FOLLOWED_STATES = ['preserved', 'released', 'corrupt', 'lost', 'leaked', 'unjudged'] as const;
export type FollowedState = (typeof FOLLOWED_STATES)[number];

/** Where the pages are in the next kernel. */
export interface PageFates {
  /**
   * Marked as handed over when the kernel was up, with the content that they had at the jump. Where a pattern is known,
   * the content is compared only when the update is judged.
   */
  arrived: number;
  /** In the page cache of a file. */
  cached: number;
  /** Still marked as handed over. */
  marked: number;
  /** In other use, or free. */
  released: number;
  /** With other content than at the jump, while marked or in a file. */
  changed: number;
}

/** Read from the kernel's own inode of the file, in the machine's memory. */
export interface FileMetadata {
  /** As in st_mode. */
  mode: number;
  size: number;
  /** F_SEAL_* of include/uapi/linux/fcntl.h, as bits. */
  seals: number;
  /** Null unless all descriptors of the file agree. */
  position: number | null;
}

const SEAL_NAMES = ['seal', 'shrink', 'grow', 'write', 'future-write', 'exec'];

export function sealsText(seals: number): string {
  const names = SEAL_NAMES.filter((_, bit) => (seals & (1 << bit)) !== 0);
  return names.length === 0 ? 'none' : names.join(' ');
}

export interface FollowedFile extends PageFates {
  /** `others`: pages that no list of the handover names, such as those of a handler that the lab does not know. */
  kind: 'file' | 'reserved' | 'others';
  session: string | null;
  /** The token as text, or the name of reserved memory. */
  name: string;
  /** The handler's version: `memfd-v2`. */
  handler: string;
  pages: number;
  state: FollowedState;
  problems: string[];
  /**
   * What the judge of patterns says of the same file; null if it does not know this file, or if a fault had changed the
   * file before the jump.
   */
  pattern: 'intact' | 'corrupt' | 'leaked' | 'lost' | 'unjudged' | null;
  /** In the old kernel at the jump, and in the next one when the update was judged. Null if it was not found. */
  before: FileMetadata | null;
  after: FileMetadata | null;
}

/** The states of pages that fit what the judge of patterns says of the same file. */
const FITTING: Readonly<Record<FollowedFile['pattern'] & string, readonly FollowedState[]>> = {
  intact: ['preserved', 'released'],
  corrupt: ['corrupt'],
  leaked: ['leaked'],
  lost: ['lost', 'released'],
  unjudged: FOLLOWED_STATES,
};

/** Whether both judges say the same; null where only one has judged the file. */
export function judgesAgree({ pattern, state }: Pick<FollowedFile, 'pattern' | 'state'>): boolean | null {
  if (pattern === null || pattern === 'unjudged' || state === 'unjudged') return null;
  return FITTING[pattern].includes(state);
}

/** One update. */
export interface HandedOverOfResult {
  /** The kernel that received it. */
  epoch: number;
  /** Why nothing was followed; null if it was. */
  blind: string | null;
  sessions: number;
  /** Preserved pages, those of the structures too. */
  pages: number;
  files: FollowedFile[];
  /** Files that are not listed, because there are too many; all are judged. */
  filesLeftOut: number;
  /** Milliseconds that the run spent on it; 0 if it was blind. */
  ms: number;
  /** Parts of the handover that could not be read. */
  problems: string[];
}
