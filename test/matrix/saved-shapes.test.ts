// SPDX-License-Identifier: Apache-2.0
// A plan saves the machines that many of its cells share, and no more than the cache holds.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { allCold, startsOf } from '../../src/matrix/saved-shapes.js';
import { parseScenario } from '../../src/scenario/index.js';

const GIB = 2 ** 30;

interface Shown {
  size?: string;
  more?: string;
  repeats?: number;
}

function pair({ size = '1MiB', more = '', repeats = 1 }: Shown = {}) {
  const text = `
description: a file comes back
from: 7.2.12
to: 7.3.4
sessions: [{name: vm0, files: [{name: ram, memfd: ${size}}]}]
${more}
expect: preserved
`;
  return { scenario: parseScenario(text, 'it.yaml', { kernelProblem: () => null, rule: null }), repeats };
}

const fault = (place: string) => `faults: [{at: before-kexec, change: {place: ${place}, to: x-v9}}]`;

it('all of a small plan', () => {
  const pairs = [pair(), pair({ size: '2MiB' })];
  expect([...startsOf(pairs, 8 * GIB).values()]).toEqual(['warm', 'warm']);
});

it('of a large one those with the most cells, and of the others the boot', () => {
  const pairs = [pair(), pair({ size: '2MiB', repeats: 3 }), pair({ size: '4MiB', repeats: 2 })];
  // Each takes a tenth of its gigabyte.
  const starts = (cache: number) => [...startsOf(pairs, cache).values()];
  expect(starts(0.4 * GIB)).toEqual(['warm', 'warm', 'warm']);
  expect(starts(0.3 * GIB)).toEqual(['booted', 'warm', 'warm']);
  expect(starts(0.15 * GIB)).toEqual(['booted', 'warm', 'booted']);
  expect(starts(0)).toEqual(['booted', 'booted', 'booted']);
});

it('scenarios that differ in their faults share one', () => {
  const pairs = ['luo.version', 'kho.version'].map((place) => pair({ more: fault(place) }));
  // Five rungs of a tenth of its gigabyte.
  expect([...startsOf(pairs, 0.7 * GIB).values()]).toEqual(['warm', 'warm']);
  expect([...startsOf(pairs, 0.6 * GIB).values()]).toEqual(['booted', 'booted']);
});

it('one that can only start after the boot takes no room', () => {
  const file = 'scenarios/cases/six-linux-guests.yaml';
  const scenario = parseScenario(readFileSync(file, 'utf8'), file, { kernelProblem: () => null, rule: null });
  expect([...startsOf([{ scenario, repeats: 9 }, pair()], 0.15 * GIB).values()]).toEqual(['warm', 'warm']);
});

it('with coverage, no cell starts from a saved machine', () => {
  const text = 'from: 7.2.12\nto: 7.3.4\nsessions: [{name: s}]\nexpect: preserved\n';
  const scenario = parseScenario(text, 'it.yaml', { kernelProblem: () => null, rule: null });
  expect([...allCold([{ scenario }])]).toEqual([[scenario, 'cold']]);
});
