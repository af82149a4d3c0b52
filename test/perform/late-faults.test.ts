// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { KernelImage } from '../../src/model/kernel/image.js';
import type { Scenario } from '../../src/model/scenario/scenario.js';
import { lastRungOfRun, pairOf, withFaultsAtJump, withoutFaults } from '../../src/perform/late-faults.js';
import { loadScenario } from '../../src/scenario/index.js';
import { fakePlan } from '../fakes/parts.js';

const shipped = (name: string) => loadScenario(`scenarios/mismatch/faults/${name}.yaml`);
const image = (more: Partial<KernelImage> = {}): Partial<KernelImage> => ({
  name: '7.3.4',
  release: '7.3.4-lab',
  cacheDir: '/cache/kernels/1',
  versions: [],
  ...more,
});
const planOf = (scenario: Scenario, to: Partial<KernelImage> = {}) =>
  fakePlan(scenario, { kernels: [image(), image(to)] as KernelImage[] });
const rungOf = (scenario: Scenario, to: Partial<KernelImage> = {}) => {
  const pair = pairOf(planOf(scenario, to));
  return lastRungOfRun(withFaultsAtJump(scenario, pair), pair);
};

it('a fault before the kexec is injected at the jump where the old kernel leaves its place alone', async () => {
  const scenario = await shipped('luo-version');
  const moved = withFaultsAtJump(scenario, pairOf(planOf(scenario)));
  expect(scenario.steps.find(({ op }) => op === 'fault')).toMatchObject({ at: 'now' });
  expect(moved.steps.find(({ op }) => op === 'fault')).toMatchObject({ at: 'jump' });
  expect(moved.steps.filter(({ op }) => op !== 'fault')).toEqual(scenario.steps.filter(({ op }) => op !== 'fault'));
});

it('a run starts at the rung of its fault, as far as the next kernel is known', async () => {
  const scenario = await shipped('luo-size-too-small');
  expect(rungOf(scenario)).toBe('luo');
  expect(rungOf(scenario, { cacheDir: null })).toBe('jump');
  expect(rungOf(scenario, { release: '7.9.1' })).toBe('jump');
  const object = { name: 'object', reads: [1], writes: [1], write: 1, manner: null };
  expect(rungOf(scenario, { versions: [object] })).toBe('kho');
  expect(rungOf(await shipped('memfd-position'))).toBe('retrieve');
});

it('memory that is reserved by name makes the next kernel search the root tree early', async () => {
  const scenario = await shipped('luo-size-too-small');
  expect(rungOf({ ...scenario, reserveMem: [{ name: 'log', size: 1 << 20, seed: 1 }] })).toBe('kho');
  const cmdlines = ['', 'reserve_mem=1M:4096:log'];
  expect(rungOf({ ...scenario, cmdlines })).toBe('kho');
});

it('a scenario without faults runs all of the next kernel', async () => {
  const bare = withoutFaults(await shipped('memfd-position'));
  expect(bare.steps.some(({ op }) => op === 'fault')).toBe(false);
  expect(rungOf(bare)).toBe('jump');
});
