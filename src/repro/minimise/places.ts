// SPDX-License-Identifier: Apache-2.0
// Candidates whose fault can find nothing to change, as far as that is known without a machine.
import { type Place, placesOf } from '../../model/scenario/place.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import { LabError } from '../../util/errors.js';

const PAGE = 4096;
/** Steps that can make a file longer than it was when it was created. */
const GROWING: ReadonlySet<string> = new Set(['truncate', 'write', 'fallocate', 'exec', 'upload']);

/** Throws a LabError if a file is too small to have a page or a folio that a fault changes. */
export function checkPlaces(scenario: Scenario): void {
  const { steps } = scenario;
  if (steps.some(({ op }) => GROWING.has(op))) return;
  for (const step of steps) {
    if (step.op !== 'fault' || step.fault.kind !== 'change') continue;
    for (const place of placesOf(step.fault)) {
      const pages = pagesOf(scenario, place);
      if (pages !== null && pages.wanted >= pages.present)
        throw new LabError(`${step.fault.text} does not exist: the file has ${pages.present} pages`);
    }
  }
}

/** Null if any number of pages will do, or the file is not known. A folio has at least one page. */
function pagesOf({ steps }: Scenario, place: Place): { wanted: number; present: number } | null {
  if (place.of !== 'folio' && place.of !== 'content') return null;
  const { session, token } = place.file;
  const preserved = steps.find(
    (step) => step.op === 'preserve' && step.session === session && String(step.token) === String(token),
  );
  if (preserved?.op !== 'preserve') return null;
  const made = steps.find((step) => step.op === 'memfd' && step.memfd.file === preserved.file);
  if (made?.op !== 'memfd') return null;
  return { wanted: place.of === 'folio' ? place.folio : place.page, present: Math.ceil(made.memfd.size / PAGE) };
}
