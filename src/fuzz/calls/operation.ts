// SPDX-License-Identifier: Apache-2.0
// The operations of a sequence: those steps of a scenario that are calls of clients, or that end a kernel.
import { CLIENT_OPS } from '../../model/scenario/client.js';
import { FILE_OPS } from '../../model/scenario/file-steps.js';
import { type Action, type Scenario, type Step, UPDATE_OPS } from '../../model/scenario/scenario.js';

const OPS = [...UPDATE_OPS, ...FILE_OPS, ...CLIENT_OPS, 'exec'] as const;

type OperationName = (typeof OPS)[number];

/**
 * What a client does. `by`: the client, by default the first one. `during`: sent together with the reboot call. `fail`:
 * this allocation of it fails, which changes neither its answer nor the end: the call is made again.
 */
export type Operation = Extract<Action, { op: OperationName }> & Pick<Step, 'by' | 'during' | 'fail'>;

/** Kernels in order, and what happens in them. */
export interface Sequence {
  kernels: readonly string[];
  /** Additions to the command line of every kernel; empty for none. */
  cmdline: string;
  operations: readonly Operation[];
}

const NAMES: ReadonlySet<string> = new Set(OPS);

function isOperation(step: Action): step is Extract<Action, { op: OperationName }> {
  return NAMES.has(step.op);
}

/** The sequence of a scenario. Steps that no sequence has are left out. */
export function sequenceOf({ kernels, steps, cmdlines }: Pick<Scenario, 'kernels' | 'steps' | 'cmdlines'>): Sequence {
  const operations = steps.flatMap((step): Operation[] => {
    const { epoch: _epoch, errno: _errno, accepts: _accepts, pos: _pos, ...action } = step;
    return isOperation(action) ? [action] : [];
  });
  return { kernels, cmdline: cmdlines[0] ?? '', operations };
}
