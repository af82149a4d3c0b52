// SPDX-License-Identifier: Apache-2.0
// A memory module counts as added only if the kernel manages more pages than before.
import { expect, it } from 'vitest';
import { addMemory } from '../../../src/run/steps/add-memory.js';
import { fakeAgents, FakeControl } from '../../fakes/parts.js';
import { FakeMemory } from '../../qemu/fake-memory.js';

const OPERATION = {
  op: 'hotplug-memory',
  size: 2 ** 27,
  timeout: 0.05,
  epoch: 0,
  index: 0,
  errno: null,
  origin: null,
} as const;

async function added(counts: number[], taken: Promise<'taken' | 'refused'>) {
  const agents = fakeAgents(() => ({ data: { managed: counts.shift() } }));
  const machine = Object.assign(new FakeControl(new FakeMemory(0)), { addMemory: async () => ({ taken }) });
  const { errno } = await addMemory({ agents, machine }, OPERATION);
  return errno;
}

it.each([
  ['more pages', [100, 200], Promise.resolve('taken'), null],
  ['as many pages as before', [100, 100], Promise.resolve('taken'), 'ENODEV'],
  ['a refusal', [100, 200], Promise.resolve('refused'), 'EIO'],
  ['no answer', [100, 200], new Promise(() => undefined), 'ETIMEDOUT'],
] as const)('%s', async (_, counts, taken, errno) =>
  expect(await added([...counts], taken as Promise<'taken' | 'refused'>)).toBe(errno),
);
