// SPDX-License-Identifier: Apache-2.0
// Two calls at the same moment: what comes after them waits for both.
import { expect, it } from 'vitest';
import type { Parts } from '../../../src/run/engine/parts.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { runSteps } from '../../../src/run/steps/run-steps.js';
import { operationsOf } from '../../../src/run/engine/operation.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { fakeAgents, fakePlan, fakeRecorder, reply } from '../../fakes/parts.js';

const TEXT = `from: a
to: b
expect: refused
steps:
  - create: s
  - client: b
  - pass: {to: b, from: main, session: s}
  - link: {session: s, client: b, during: next}
  - link: s
  - create: t
  - abort
`;

it('a call after a pair is sent when both of the pair were answered', async () => {
  const plan = fakePlan(parseScenario(TEXT, 'x.yaml'));
  const { recorder } = fakeRecorder();
  const log: string[] = [];
  const agents = (client: string) => ({
    ...fakeAgents(() => ({})),
    call: async (op: string) => {
      log.push(`${client} ${op}`);
      // The other client's answer comes late.
      if (client === 'b') for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate);
      log.push(`${client} ${op} answered`);
      return reply({ data: { link: 'anon_inode:[luo_session] s' } });
    },
  });
  // What these calls use of a run.
  const parts: object = {
    plan,
    recorder,
    state: new RunState(),
    agents: { ...agents('main'), of: (client: string | undefined) => agents(client ?? 'main') },
    breakpoints: { pauseOnce: async () => undefined },
  };
  const calls = operationsOf(plan.scenario.steps).filter(({ op }) => op === 'create' || op === 'link');
  await runSteps(parts as Parts, calls, 'before-update');
  const at = (entry: string) => log.indexOf(entry);
  expect(at('main link')).toBeLessThan(at('b link answered'));
  expect(log.lastIndexOf('main create')).toBeGreaterThan(at('b link answered'));
});
