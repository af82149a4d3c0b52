// SPDX-License-Identifier: Apache-2.0
// Turns a fault of the file into one that the lab can inject, and reports what is impossible.
import type { Fault } from '../../model/scenario/scenario.js';
import { type FaultBodyInput, FAULT_WORDS, toFault } from '../schema/faults.js';
import type { Path } from '../source/document.js';
import { shown } from '../source/problem.js';
import type { Problems } from '../source/problems.js';
import { changeOf } from './change.js';

/** Null if it is impossible; the problem is reported. */
export function faultOf(input: FaultBodyInput, path: Path, problems: Problems): Fault | null {
  const fault = toFault(input);
  if (fault === 'change') return changeOf(input.change!, [...path, 'change'], problems);
  if (!fault) problems.add(path, `expected exactly one of ${FAULT_WORDS.join(', ')}`);
  else if (fault.kind === 'replace' && Buffer.byteLength(fault.write) > Buffer.byteLength(fault.find)) {
    problems.add(
      [...path, 'replace', 'with'],
      `expected at most ${Buffer.byteLength(fault.find)} bytes, the length of ${shown(fault.find)}; ` +
        `found ${Buffer.byteLength(fault.write)}`,
    );
  }
  return fault;
}
