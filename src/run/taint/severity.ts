// SPDX-License-Identifier: Apache-2.0
// Adjusts what a console message implies to the scenario of this run.
import { carriedBy } from '../../compat/index.js';
import type { Outcome } from '../../model/result/outcome.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import type { DeviceState } from '../state/device.js';

/** @param implies what the message implies in general */
export type ImplicationFilter = (implies: Outcome | null) => Outcome | null;

/** A kernel also prints that it refuses the handover when nothing was carried in it; then nothing is lost. */
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
