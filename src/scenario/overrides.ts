// SPDX-License-Identifier: Apache-2.0
// Settings from the command line that replace or extend those of a scenario file.
import type { HostRule } from '../model/scenario/host-use.js';
import type { Witness } from '../model/result/witness.js';

export interface ScenarioOverrides {
  from?: string | undefined;
  to?: string | undefined;
  /** All kernels in order, instead of from and to or a chain. */
  kernels?: readonly string[] | undefined;
  /** In seconds. */
  timeout?: number | undefined;
  /** The machine's CPUs count instructions, even if the file does not ask for it. */
  icount?: boolean | undefined;
  /** More witnesses that the verdict does not need. */
  without?: readonly Witness[] | undefined;
  /** What the file may use of this host; null or undefined if it is trusted. What the user typed is always allowed. */
  rule?: HostRule | null | undefined;
  /** Explains why there is no such kernel, or returns null if there is one. Without it every name is accepted. */
  kernelProblem?: ((name: string) => string | null) | undefined;
}
