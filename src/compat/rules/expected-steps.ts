// SPDX-License-Identifier: Apache-2.0
// Steps that a scenario expects to fail have no effect on an update.
import type { Step } from '../../model/scenario/scenario.js';

/** True unless the scenario expects an error. */
export function shouldSucceed({ errno }: Pick<Step, 'errno'>): boolean {
  return errno === null || errno === 'OK';
}
