// SPDX-License-Identifier: Apache-2.0
// The result of an operation, in one form for calls to the agent and for what the lab does itself.
import { type AgentReply, NO_HANDLE } from '../../guest/agent.js';
import { CommandTimeout } from '../../util/errors.js';
import type { Demand } from '../engine/operation.js';

export type StepReply = Pick<AgentReply, 'ok' | 'errno' | 'at'>;

export const PASSED: StepReply = { ok: true, errno: null, at: null };

/** The operation had nothing to act on. */
export const LEFT_OUT: StepReply = { ok: false, errno: NO_HANDLE, at: null };

/** A command that took too long fails its step, but proves nothing about the machine: the next step shows that. */
export function commandWithin<T>(command: Promise<T>): Promise<T | StepReply> {
  return command.catch((error: unknown): StepReply => {
    if (error instanceof CommandTimeout) return { ok: false, errno: 'ETIMEDOUT', at: error.message };
    throw error;
  });
}

/** Whether the scenario declares that this operation may fail with the errno `got`. */
export function declaresFailure({ errno, accepts }: Demand, got: string | null): boolean {
  return got !== null && got !== 'OK' && (accepts?.includes(got) ?? got === errno);
}
