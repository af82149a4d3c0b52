// SPDX-License-Identifier: Apache-2.0
// For the tests of a file that imports it: the agent is compiled once, and each test talks to one of its own.
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { AgentProcess, compile, type Reply } from './agent-process.js';

export let built: ReturnType<typeof compile>;
export let agent: AgentProcess;

beforeAll(() => {
  built = compile('agent');
}, 120_000);
afterAll(() => built.remove());
beforeEach(() => {
  agent = new AgentProcess(built.program);
});
afterEach(async () => {
  agent.kill();
  await agent.exit;
});

/** A reply that says no, with this errno. */
export const failed = (errno: string, at?: RegExp) =>
  expect.objectContaining({ ok: false, errno, ...(at && { at: expect.stringMatching(at) as string }) }) as Reply;
