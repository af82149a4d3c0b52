// SPDX-License-Identifier: Apache-2.0
// A call in which one allocation fails. It may end with ENOMEM, but it must change nothing then: the agent makes it
// again, and its second answer must be the one that the scenario demands.
import type { AgentReply } from '../../guest/agent.js';
import type { Operation } from '../engine/operation.js';
import { declaresFailure } from './reply.js';

export interface Allocation {
  nth: number;
  /** False if the call made fewer allocations. */
  failed: boolean;
  /** The call ended with ENOMEM and was made again. */
  again: boolean;
}

type Failing = Pick<Operation, 'errno' | 'accepts' | 'fail'>;

/** Arguments of the request, besides those of the operation. */
export function failingArgs(operation: Failing): Record<string, number> {
  const { fail } = operation;
  if (fail === undefined) return {};
  return declaresFailure(operation, 'ENOMEM') ? { fail } : { fail, retry: 1 };
}

export function allocationOf({ fail }: Failing, { data }: Pick<AgentReply, 'data'>): Allocation | null {
  return fail === undefined
    ? null
    : { nth: fail, failed: data['allocationFailed'] === true, again: data['again'] === true };
}
