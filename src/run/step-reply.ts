// SPDX-License-Identifier: Apache-2.0
// How a step ended, as its record needs it: the same for calls of the agent and for what the lab does itself.
import type { AgentReply } from '../guest/agent.js';

export type StepReply = Pick<AgentReply, 'ok' | 'errno' | 'at'>;

export const PASSED: StepReply = { ok: true, errno: null, at: null };
