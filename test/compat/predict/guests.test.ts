// SPDX-License-Identifier: Apache-2.0
// The effect of a scenario on its guests, predicted without a boot: the same outcomes as real runs of scenarios/guests.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { guestEffectOf, neededState, writtenState } from '../../../src/compat/predict/guests.js';
import { loadScenario } from '../../../src/scenario/index.js';

const FOLDER = join(import.meta.dirname, '../../../scenarios/guests');

it.each(readdirSync(FOLDER).filter((name) => name.endsWith('.yaml')))('%s', async (name) => {
  const scenario = await loadScenario(join(FOLDER, name));
  // Faults from outside, aborts and killed agents are predicted elsewhere.
  if (
    scenario.tags.includes('fault') ||
    scenario.steps.some(({ op }) => op === 'abort') ||
    name === 'agent-killed.yaml'
  )
    return;
  // So are effects on devices.
  if (
    scenario.cmdlines.some((line) => /lukeep|labobj/.test(line)) ||
    scenario.steps.some(
      (step) => step.op === 'device-preserve' && !step.optional && !scenario.kernels[0]?.endsWith('-keep'),
    )
  )
    return;
  const outcomes = scenario.kernels.slice(1).map((_, epoch) => guestEffectOf(scenario, epoch)?.outcome ?? 'preserved');
  expect(outcomes.find((outcome) => outcome !== 'preserved') ?? 'preserved').toBe(scenario.expect.outcome);
});

it('the written version is the requested one, the common one, or the newest', () => {
  expect(neededState({ vcpus: 1, features: [], devices: [] })).toBe(1);
  expect(neededState({ vcpus: 2, features: [], devices: [] })).toBe(2);
  expect(neededState({ vcpus: 1, features: ['debugregs'], devices: [] })).toBe(2);
  expect(neededState({ vcpus: 1, features: [], devices: ['edu0'] })).toBe(3);
  expect([
    writtenState(1, null, 'check'),
    writtenState(null, [1], 'check'),
    writtenState(null, [1], 'force'),
    writtenState(null, [1, 2, 3, 4], 'check'),
    writtenState(null, null, 'check'),
  ]).toEqual([1, 1, 3, 3, 3]);
});
