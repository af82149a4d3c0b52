// SPDX-License-Identifier: Apache-2.0
// What went wrong with a snapshot. The caller boots cold then: it is never a verdict on a kernel.
import { LabError } from '../../util/errors.js';

/**
 * `save`: state or RAM could not be written. `load`: no machine came out of it. `memory`: the lab cannot reach the RAM
 * of a resumed machine.
 */
export type SnapshotStep = 'save' | 'load' | 'memory';

export class SnapshotError extends LabError {
  override name = 'SnapshotError';

  constructor(
    readonly step: SnapshotStep,
    message: string,
    more: ConstructorParameters<typeof LabError>[1] = {},
  ) {
    super(message, more);
  }
}
