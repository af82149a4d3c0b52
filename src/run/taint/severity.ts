// SPDX-License-Identifier: Apache-2.0
// What a kernel's words stand for in this run.
import { carriedBy } from '../../compat/index.js';
import type { Outcome } from '../../model/result/outcome.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import type { DeviceState } from '../state/device.js';

/** @param implies what the words stand for wherever they are said */
export type ImplicationFilter = (implies: Outcome | null) => Outcome | null;

/**
 * A kernel that refuses the handover as a whole says so whatever is in it: where nothing was carried, nothing is lost.
 */
export function implicationFilter(
  scenario: Pick<Scenario, 'steps' | 'reserveMem'>,
  devices: ReadonlyMap<string, Pick<DeviceState, 'preserved' | 'carriedBy'>>,
): ImplicationFilter {
  const carries = carriedBy(scenario).uses.length > 0;
  return (implies) =>
    implies === 'lost' &&
    !carries &&
    ![...devices.values()].some(({ preserved, carriedBy: before }) => preserved !== null || before !== null)
      ? null
      : implies;
}
