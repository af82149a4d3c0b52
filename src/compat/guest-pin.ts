// SPDX-License-Identifier: Apache-2.0
// The form of a guest's state is a component too, though no kernel has a part in it: every host's agent speaks the same
// versions, and a profile may pin one.
import type { Component, ComponentVersions } from '../model/kernel/component.js';
import { STATE_VERSIONS } from '../model/scenario/guest.js';
import type { Scenario } from '../model/scenario/scenario.js';

const NAME = 'guest-state';

/** What the lab's agent does with it, on whichever kernel. */
export const GUEST_STATE: ComponentVersions = {
  name: NAME,
  reads: [...STATE_VERSIONS],
  writes: [...STATE_VERSIONS],
  write: STATE_VERSIONS[0],
  manner: null,
};

/** The pinned version; null where the profile pins none. */
export function pinnedState(pins: readonly Component[]): number | null {
  return pins.find(({ name }) => name === NAME)?.version ?? null;
}

/**
 * The same scenario with every guest saved in this version, and restored by an agent that reads no newer one, where the
 * scenario itself does not say otherwise.
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
