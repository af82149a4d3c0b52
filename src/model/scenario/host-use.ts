// SPDX-License-Identifier: Apache-2.0
// What a scenario, a plan, a job or a run asks of the host that it runs on.

/** One thing of the host that an input would use. */
export type HostUse =
  /** Words for QEMU's command line. */
  | { kind: 'qemu-args'; args: readonly string[] }
  /** A file that the lab reads for the machine. Absolute path. */
  | { kind: 'file'; path: string }
  /** What a plan names: a scenario, a folder of them, a profile; or the baseline, which is written. Absolute path. */
  | { kind: 'plan-path'; path: string; access: 'read' | 'write' }
  /** A git tree from which a plan builds kernels. Absolute path. */
  | { kind: 'git-tree'; path: string }
  /** A kernel by name or path. */
  | { kind: 'kernel'; name: string }
  /** RAM of the machine in bytes. */
  | { kind: 'memory'; bytes: number }
  | { kind: 'cpus'; count: number };

/** Why data may not use something, and what `--trust` would allow. */
export interface Refusal {
  message: string;
  hint: string | null;
  /** Of the first argument that is refused. */
  index?: number;
}

/** The rule for an input. */
export interface HostRule {
  /** Decides on one use: null allows it. */
  refusal: (use: HostUse) => Refusal | null;
  /** The folder in which the input's files must lie; null if it may use none. */
  folder: string | null;
}
