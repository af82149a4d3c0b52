// SPDX-License-Identifier: Apache-2.0
// A candidate whose file is too small for what a fault changes needs no machine.
import { expect, it } from 'vitest';
import type { Scenario } from '../../../src/model/scenario/scenario.js';
import { checkPlaces } from '../../../src/repro/minimise/places.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { failsIf, HEAD, smallestOf } from './world.js';

const one = (size: string, place: string) =>
  `${HEAD}sessions: [{name: vm, files: [{name: ram, memfd: ${size}}]}]\n` +
  `faults: [{at: jump, change: {place: "${place}", to: 0}}]\n`;
const check = (size: string, place: string) => () => checkPlaces(parseScenario(one(size, place), 'x.yaml'));

it('knows which pages a file has', () => {
  expect(check('16KiB', 'memfd[vm/ram].folio[3].flags')).not.toThrow();
  expect(check('12KiB', 'memfd[vm/ram].folio[3].flags')).toThrow('the file has 3 pages');
  expect(check('12KiB', 'memfd[vm/ram].size')).not.toThrow();
});

it('200 sessions with three files, and a fault in one folio: few trials, none without the place', async () => {
  const small: number[] = [];
  const folio = (scenario: Scenario) =>
    scenario.steps.some((step) => step.op === 'fault' && step.fault.kind === 'change');
  const text =
    `${HEAD}machine: {memory: 2GiB, cpus: 2}\ncmdline: {all: "quiet loglevel=7"}\n` +
    'sessions: [{name: "vm-{i}", count: 200, files: [{name: "f{i}", memfd: 64KiB, count: 3}]}]\n' +
    'faults:\n  - {at: before-kexec, do: nmi}\n' +
    '  - {at: jump, change: {place: "memfd[vm-137/f2].folio[3].flags", to: 0}}\n';
  const { data, done, tried } = await smallestOf(text, {
    reproduces: failsIf((scenario) => {
      const sizes = scenario.steps.flatMap((step) => (step.op === 'memfd' ? [step.memfd.size] : []));
      if (folio(scenario)) small.push(Math.min(...sizes));
      return folio(scenario);
    }),
  });
  expect(done).toBe(true);
  expect(data['sessions']).toEqual([{ name: 'vm-137', files: [{ name: 'f2', memfd: '16KiB', token: 2 }] }]);
  expect(Math.min(...small)).toBe(16_384);
  expect(tried).toBeLessThan(40);
});
