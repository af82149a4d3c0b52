// SPDX-License-Identifier: Apache-2.0
// Faults that change a version in the handover. The next kernel cannot tell, so it is as if the old one had written it.
import type { Component } from '../../model/kernel/component.js';
import type { Fault, Step } from '../../model/scenario/scenario.js';
import { componentsIn } from '../binary/component.js';
import type { KernelFacts } from '../versions/kernel-facts.js';

/**
 * The old kernel as the next one sees it.
 * @param steps the update's steps: those of the old kernel's epoch and of the next one's
 */
export function withVersionFaults(from: KernelFacts, steps: readonly Step[]): KernelFacts {
  const written = new Map(
    steps
      .flatMap((step) => (step.op === 'fault' ? versionsWritten(step.fault) : []))
      .map(({ name, version }) => [name, version]),
  );
  if (written.size === 0) return from;
  return {
    ...from,
    versions: from.versions.map((each) => {
      const version = written.get(each.name);
      return version === undefined ? each : { ...each, write: version, writes: [version] };
    }),
  };
}

function versionsWritten(fault: Fault): Component[] {
  if (fault.kind === 'replace') return componentsIn(fault.write);
  // The other places are not versions of components.
  return fault.kind === 'change' &&
    'field' in fault.place &&
    ['version', 'compatible'].includes(fault.place.field) &&
    fault.change.how === 'text'
    ? componentsIn(fault.change.text)
    : [];
}
