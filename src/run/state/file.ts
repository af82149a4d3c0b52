// SPDX-License-Identifier: Apache-2.0
// What the lab knows about each file: its state in the running kernel, and what must come back after the last kexec.
import type { FileSpec } from '../../model/scenario/scenario.js';
import type { Token } from '../../model/scenario/token.js';
import type { FileVerdict } from '../../oracles/files/file-verdict.js';
import type { OutsideView, PfnRun } from '../../oracles/files/outside.js';
import type { Pattern } from '../../oracles/files/pattern.js';
import type { Snapshot } from '../../oracles/guest/index.js';

/** What a kernel reports about a file besides its content. */
export interface Reported {
  size: number;
  position: number;
  /** Sorted. */
  seals: string[];
  /** Permission bits; null if nobody asked. */
  mode: number | null;
  /** What the descriptor allows; null if nobody asked. */
  access: string | null;
  /** Number of 512-byte blocks that it occupies; null if that depends on the kernel. */
  blocks: number | null;
}

/** What the agent sees of a file in the machine. */
export interface InsideLook extends Reported {
  pages: number;
  bad: number;
  firstBad: { page: number; offset: number } | null;
  /** What an object has besides its pages; null for files that are not objects. */
  object: ObjectLook | null;
}

export interface ObjectLook {
  /** Size of its array in bytes, and how many pages of the array hold wrong content. */
  array: number;
  badArray: number;
  state: number;
  label: string;
  /** Format version in which it arrived; 0 if the running kernel created it. */
  arrived: number;
}

/** The session that preserves a file, and under which token. */
export interface Holder {
  session: string;
  token: Token;
}

/** A file that the agent holds under a name in the running kernel. */
export interface FileState {
  /** One of its names. */
  name: string;
  spec: FileSpec;
  pattern: Pattern | Snapshot;
  /**
   * The sessions that preserve it for the next kernel. Empty before `preserve`, and after all of them were closed on
   * purpose.
   */
  preservedIn: Holder[];
  /** Its physical pages, known once it was preserved. */
  runs: PfnRun[];
  /** Why its physical pages are unknown. */
  hidden?: string | undefined;
  /** Why the agent must not read it. */
  spoiled?: string;
  before: OutsideView | null;
  /** For a guest's file: its pages after it came back and before the guest resumed. */
  arrival?: OutsideView;
  inside: InsideLook | null;
  /** What the kernel must report about it, if that differs from what `spec` implies. */
  reported?: Reported | undefined;
  /** Shared by all descriptors of one file, if it has more than one. */
  inode?: object | undefined;
  /** How much of it was in huge folios right after it was filled. */
  hugeKiB: number;
  /** A step of this kernel took a part of it away. The kernel may split a folio of which a part is gone. */
  cut?: true;
}

/** A file that must come back after the last kexec, and what became of it. */
export interface ExpectedFile {
  name: string;
  /** Null if no session preserved it: it was never handed over. */
  session: string | null;
  token: Token | null;
  spec: FileSpec;
  pattern: Pattern | Snapshot;
  /** Its physical pages when the old kernel jumped. */
  runs: PfnRun[];
  /** Why they are unknown. */
  hidden?: string | undefined;
  before: OutsideView | null;
  reported?: Reported | undefined;
  hugeKiB: number;
  /** The file that came back, if it did. */
  retrieved: FileState | null;
  /** Why it did not, if the kernel said. */
  errno: string | null;
  /** If the scenario has closed it since: the verdict from right before. */
  closed?: FileVerdict | undefined;
}
