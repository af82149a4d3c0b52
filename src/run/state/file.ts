// SPDX-License-Identifier: Apache-2.0
// What the lab knows of each file: as the running kernel has it, and as the last kexec was to carry it over.
import type { FileSpec } from '../../model/scenario/scenario.js';
import type { Token } from '../../model/scenario/token.js';
import type { FileVerdict } from '../../oracles/files/file-verdict.js';
import type { OutsideView, PfnRun } from '../../oracles/files/outside.js';
import type { Pattern } from '../../oracles/files/pattern.js';
import type { Snapshot } from '../../oracles/guest/index.js';

/** What a kernel says of a file besides its content. */
export interface Reported {
  size: number;
  position: number;
  /** Sorted. */
  seals: string[];
  /** Permission bits; null where it was not asked for. */
  mode: number | null;
  /** What may be done through the descriptor; null where it was not asked for. */
  access: string | null;
  /** 512-byte blocks that it occupies; null where that depends on the kernel. */
  blocks: number | null;
}

/** What the agent sees of a file in the machine. */
export interface InsideLook extends Reported {
  pages: number;
  bad: number;
  firstBad: { page: number; offset: number } | null;
  /** What an object has besides its pages; null for other files. */
  object: ObjectLook | null;
}

export interface ObjectLook {
  /** Bytes of its array, and how many pages of that hold something else. */
  array: number;
  badArray: number;
  state: number;
  label: string;
  /** Version that it came in; 0 where the running kernel made it. */
  arrived: number;
}

/** Where a session has a file. */
export interface Holder {
  session: string;
  token: Token;
}

/** A file that the agent has under a name, in the kernel that runs now. */
export interface FileState {
  /** One of its names. */
  name: string;
  spec: FileSpec;
  pattern: Pattern | Snapshot;
  /**
   * The sessions that hold it for the next kernel; none before preserve, and once all of them were closed on purpose.
   */
  preservedIn: Holder[];
  /** Where its pages lie, once it was preserved. */
  runs: PfnRun[];
  /** Why nobody knows where its pages lie. */
  hidden?: string | undefined;
  /** Why it must not be read from inside. */
  spoiled?: string;
  before: OutsideView | null;
  /** Of a guest: its pages when it had come back, before it went on. */
  arrival?: OutsideView;
  inside: InsideLook | null;
  /** What the kernel must say of it, where that is known better than from what was asked for. */
  reported?: Reported | undefined;
  /** The same object in all descriptors of one file, where there is more than one. */
  inode?: object | undefined;
  /** How much of it was in huge folios when it had been filled. */
  hugeKiB: number;
}

/** A file that the last kexec was to carry over, and what became of it. */
export interface ExpectedFile {
  name: string;
  /** null where no session held it: it was never handed over. */
  session: string | null;
  token: Token | null;
  spec: FileSpec;
  pattern: Pattern | Snapshot;
  /** Where its pages lay when the old kernel jumped. */
  runs: PfnRun[];
  /** Why nobody knows that. */
  hidden?: string | undefined;
  before: OutsideView | null;
  reported?: Reported | undefined;
  hugeKiB: number;
  /** The file that came back, if it did. */
  retrieved: FileState | null;
  /** Why it did not, where the kernel said. */
  errno: string | null;
  /** The scenario has closed it since: what it was right before that. */
  closed?: FileVerdict | undefined;
}
