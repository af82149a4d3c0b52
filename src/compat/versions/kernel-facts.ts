// SPDX-License-Identifier: Apache-2.0
// The facts about a kernel from which an update is predicted.
import type { ComponentVersions } from '../../model/kernel/component.js';
import type { BootFacts } from '../../model/kernel/image.js';

/** A KernelImage contains these facts. */
export interface KernelFacts {
  release: string | null;
  versions: readonly ComponentVersions[];
  /** The list of versions is complete; otherwise there is no prediction. */
  known: boolean;
  /** How much memory it needs, if known. */
  boot?: BootFacts;
}
