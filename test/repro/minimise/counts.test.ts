// SPDX-License-Identifier: Apache-2.0
// Failures that depend on a number of sessions: 51 fill a block of LUO's list of sessions (7.3).
import { describe, expect, it } from 'vitest';
import type { Scenario } from '../../../src/model/scenario/scenario.js';
import { createsOf, failsIf, HEAD, smallestOf } from './world.js';

const REPEATED = (count: number) => `${HEAD}steps:
  - repeat: {count: ${count}, steps: [{create: "vm-{i}"}, {memfd: {name: "ram-{i}", size: 64KiB}},
      {preserve: {session: "vm-{i}", file: "ram-{i}", token: 1}}]}
  - create: {session: vm-1, errno: EEXIST}
  - kexec
  - repeat: {count: ${count}, steps: [{retrieve: "vm-{i}"}, {retrieve: {session: "vm-{i}", token: 1, as: "ram-{i}"}},
      {check: "ram-{i}"}, {finish: "vm-{i}"}]}
`;

const WRITTEN_OUT = (count: number) =>
  `${HEAD}steps:\n` +
  Array.from(
    { length: count },
    (_, i) =>
      `  - create: vm-${i}\n  - memfd: {name: ram-${i}, size: 64KiB}\n` +
      `  - preserve: {session: vm-${i}, file: ram-${i}, token: 1}\n`,
  ).join('') +
  '  - create: {session: vm-0, errno: EEXIST}\n  - kexec\n';

const SHORT = (count: number) =>
  `${HEAD}sessions: [{name: "vm-{i}", count: ${count}, files: [{memfd: 64KiB, count: 3}]}]\n`;

/** The bug: a refused name leaves an empty block behind if the sessions fill the blocks exactly. */
function emptyBlock({ steps }: Scenario): boolean {
  const created = new Set<string>();
  let refused = false;
  for (const step of steps) {
    if (step.op !== 'create') continue;
    refused ||= created.has(step.session);
    created.add(step.session);
  }
  return refused && created.size > 0 && created.size % 51 === 0;
}

describe('a number of sessions', () => {
  it('exactly 51, each with a file that does not matter: few candidates, and a repeat stays one', async () => {
    const { scenario, data, parsed, tried, required } = await smallestOf(REPEATED(51), {
      reproduces: failsIf(emptyBlock),
    });
    expect(data['steps']).toEqual([
      { repeat: { count: 51, steps: [{ create: 'vm-{i}' }] } },
      { create: { session: 'vm-1', errno: 'EEXIST' } },
      'kexec',
    ]);
    expect(scenario).toContain('256MiB');
    expect(parsed.machine.cpus).toBe(1);
    expect(required).toContainEqual({ what: 'steps.0.repeat.count: 51', without: 'with 50: preserved' });
    expect(tried).toBeLessThan(30);
  });

  it('a multiple becomes 51, though no number between fails', async () => {
    const { parsed } = await smallestOf(REPEATED(153), { reproduces: failsIf(emptyBlock) });
    expect(createsOf(parsed)).toBe(52);
  });

  it('written out, too', async () => {
    const { data, parsed, tried } = await smallestOf(WRITTEN_OUT(51), { reproduces: failsIf(emptyBlock) });
    expect(data['steps']).toEqual([
      { repeat: { count: 51, steps: [{ create: 'vm-{i}' }] } },
      { create: { session: 'vm-1', errno: 'EEXIST' } },
      'kexec',
    ]);
    expect(createsOf(parsed)).toBe(52);
    expect(parsed.steps.map(({ op }) => op).filter((op) => op !== 'create')).toEqual(['load', 'kexec']);
    expect(tried).toBeLessThan(30);
  });

  it('at least 51 of 2000', async () => {
    const { data, tried } = await smallestOf(SHORT(2000), {
      reproduces: failsIf((scenario) => createsOf(scenario) >= 51),
    });
    expect(data['sessions']).toEqual([{ name: 'vm-{i}', count: 51 }]);
    expect(tried).toBeLessThan(40);
  });

  it('two conditions that have nothing to do with each other: a number, and a file of a size', async () => {
    const big = (scenario: Scenario) =>
      scenario.steps.some((step) => step.op === 'memfd' && step.memfd.file === 'vm-9/big' && step.memfd.size > 300_000);
    const text =
      `${HEAD}sessions:\n  - {name: "vm-{i}", count: 90, files: [{name: big, memfd: 16MiB}]}\n` +
      '  - {name: "other-{i}", count: 40, files: [{memfd: 64KiB}]}\n';
    const { parsed } = await smallestOf(text, {
      reproduces: failsIf((scenario) => createsOf(scenario) >= 51 && big(scenario)),
    });
    expect(createsOf(parsed)).toBe(51);
    const files = parsed.steps.flatMap((step) => (step.op === 'memfd' ? [step.memfd] : []));
    expect(files.filter(({ file }) => file === 'vm-9/big').map(({ size }) => size)).toEqual([303_104]);
  });
});
