// SPDX-License-Identifier: Apache-2.0
// Faults of a scenario that change a version in what is handed over: to the next kernel it is as if the old one had
// written it.
import type { Component } from '../../model/kernel/component.js';
import type { Fault, Step } from '../../model/scenario/scenario.js';
import { componentsIn } from '../component.js';
import type { KernelFacts } from './predict.js';

/**
 * The old kernel as the next one gets to see it.
 * @param steps those of the update: of the old kernel's epoch and of the next one's
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
  // Other places are no versions; what a number does to one is known for those that are numbers.
  return fault.kind === 'change' &&
    'field' in fault.place &&
    ['version', 'compatible'].includes(fault.place.field) &&
    fault.change.how === 'text'
    ? componentsIn(fault.change.text)
    : [];
}
