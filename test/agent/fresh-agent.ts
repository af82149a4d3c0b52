// SPDX-License-Identifier: Apache-2.0
// An agent of its own for each test of a file.
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { AgentProcess, compile, type Reply } from './agent-process.js';

export let built: ReturnType<typeof compile>;
export let agent: AgentProcess;

/** Compiles the agent once for the calling file, and starts a new one for each of its tests. */
export function useFreshAgent(): void {
  beforeAll(() => {
    built = compile('agent');
  }, 120_000);
  afterAll(() => built.remove());
  beforeEach(async () => {
    agent = new AgentProcess(built.program);
    await agent.greet();
  });
  afterEach(async () => {
    agent.kill();
    await agent.exit;
  });
}

/** A reply that says no, with this errno. */
export const failed = (errno: string, at?: RegExp) =>
  expect.objectContaining({ ok: false, errno, ...(at && { at: expect.stringMatching(at) as string }) }) as Reply;
