// SPDX-License-Identifier: Apache-2.0
// How a step ended, as its record needs it: the same for calls of the agent and for what the lab does itself.
import type { AgentReply } from '../../guest/agent.js';
import type { Step } from '../../model/scenario/scenario.js';
import { CommandTimeout } from '../../util/errors.js';

export type StepReply = Pick<AgentReply, 'ok' | 'errno' | 'at'>;

export const PASSED: StepReply = { ok: true, errno: null, at: null };

/**
 * What a command came to. One that took too long has failed its step, and says nothing of the machine: what comes next
 * finds out how that is.
 */
export function commandWithin<T>(command: Promise<T>): Promise<T | StepReply> {
  return command.catch((error: unknown): StepReply => {
    if (error instanceof CommandTimeout) return { ok: false, errno: 'ETIMEDOUT', at: error.message };
    throw error;
  });
}

/** The scenario says that this step may fail so. */
export function declaresFailure({ errno, accepts }: Pick<Step, 'errno' | 'accepts'>, got: string | null): boolean {
  return got !== null && got !== 'OK' && (accepts?.includes(got) ?? got === errno);
}
