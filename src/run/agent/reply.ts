// SPDX-License-Identifier: Apache-2.0
// How an operation ended, as its record needs it: the same for calls of the agent and for what the lab does itself.
import { type AgentReply, NO_HANDLE } from '../../guest/agent.js';
import { CommandTimeout } from '../../util/errors.js';
import type { Demand } from '../engine/operation.js';

export type StepReply = Pick<AgentReply, 'ok' | 'errno' | 'at'>;

export const PASSED: StepReply = { ok: true, errno: null, at: null };

/** There is nothing that it could act on. */
export const LEFT_OUT: StepReply = { ok: false, errno: NO_HANDLE, at: null };

/** A command that took too long has failed its step, and says nothing of the machine: the next step finds out. */
export function commandWithin<T>(command: Promise<T>): Promise<T | StepReply> {
  return command.catch((error: unknown): StepReply => {
    if (error instanceof CommandTimeout) return { ok: false, errno: 'ETIMEDOUT', at: error.message };
    throw error;
  });
}

/** The scenario says that this operation may fail so. */
export function declaresFailure({ errno, accepts }: Demand, got: string | null): boolean {
  return got !== null && got !== 'OK' && (accepts?.includes(got) ?? got === errno);
}
