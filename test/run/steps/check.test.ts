// SPDX-License-Identifier: Apache-2.0
// A check that a scenario asks for is made, or said to be missing.
import { expect, it } from 'vitest';
import { check } from '../../../src/run/steps/agent-steps.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { fakeAgents, fakePlan, fakeRecorder } from '../../fakes/parts.js';

it('blinds the witness inside where nobody holds the file', async () => {
  const { recorder, events } = fakeRecorder();
  const agents = fakeAgents(() => ({}));
  const operation = { op: 'check', file: 'ram', epoch: 0, index: 0, errno: null, origin: null } as const;
  const plan = fakePlan(parseScenario('from: a\nto: b\nsessions: [{name: s}]\n', 'x.yaml'));
  await check({ plan, agents, state: new RunState(), recorder }, operation);
  expect(recorder.witnesses.missing()).toEqual([
    expect.objectContaining({ witness: 'inside', why: 'the check of ram was left out, because nobody holds the file' }),
  ]);
  expect(events).toContainEqual(expect.objectContaining({ kind: 'step', state: 'skipped' }));
});
