// SPDX-License-Identifier: Apache-2.0
// What a sandboxed program needs, and what a host can give it.
import type { SandboxKind } from '../model/result/result.js';

export interface Limits {
  /** Bytes of address space. */
  memory: number;
  /** Processes and threads. */
  processes: number;
  /** Bytes of one file. A write beyond it fails; it does not end the program. */
  fileSize: number;
}

/** Everything that a program may use of the host, besides its system folders. */
export interface Needs {
  /** Files and folders that it may read. */
  read: readonly string[];
  /** Files and folders that it may write. */
  write: readonly string[];
  /** Folders that it may write and that have another path for it than on the host. None by default. */
  moved?: readonly { path: string; at: string }[];
  /** Files that it opens for writing and that stay the lab's. None by default. */
  lent?: readonly string[];
  /** Devices besides /dev/null, /dev/zero, /dev/full, /dev/random and /dev/urandom. */
  devices: readonly string[];
  /** `none`: a network of its own without any way out. `listen`: it may accept connections and open none. */
  network: 'none' | 'listen';
  /** Its working directory. */
  cwd: string;
  /** Null for none. */
  limits: Limits | null;
  /** Whether it sees /proc, with its own processes alone. */
  proc?: boolean;
}

/** What works on this host. The least, `none`, is LAB_SANDBOX=off. */
export type Sandbox = SandboxKind;

/** A user that no account of the host has. */
export interface Identity {
  uid: number;
  gid: number;
  /** Groups that open the devices. */
  groups: readonly number[];
}
