// SPDX-License-Identifier: Apache-2.0
// The format of a guest's state is a component as well, although it does not belong to a kernel: the agent has the same
// versions on every host, and a profile may pin one.
import type { Component, ComponentVersions } from '../model/kernel/component.js';
import { STATE_VERSIONS } from '../model/scenario/guest.js';
import type { Scenario } from '../model/scenario/scenario.js';

const NAME = 'guest-state';

/** The agent's versions, on any kernel. */
export const GUEST_STATE: ComponentVersions = {
  name: NAME,
  reads: [...STATE_VERSIONS],
  writes: [...STATE_VERSIONS],
  write: STATE_VERSIONS[0],
  manner: null,
};

/** The pinned version, or null. */
export function pinnedState(pins: readonly Component[]): number | null {
  return pins.find(({ name }) => name === NAME)?.version ?? null;
}

/**
 * Pins a scenario: guests are saved in this version, and the next agent reads no newer one, unless a step says
 * otherwise.
 */
export function pinGuests<S extends Pick<Scenario, 'steps'>>(scenario: S, version: number | null): S {
  if (version === null) return scenario;
  return {
    ...scenario,
    steps: scenario.steps.map((step) => {
      if (step.op === 'guest-save') return { ...step, version: step.version ?? version };
      return step.op === 'guest-restore'
        ? { ...step, reads: step.reads ?? STATE_VERSIONS.filter((each) => each <= version) }
        : step;
    }),
  };
}
