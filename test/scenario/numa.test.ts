// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { parseScenario } from '../../src/scenario/index.js';
import { problemsOf } from './problems.js';

const HEAD = 'from: a\nto: b\n';
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const nodes = (machine: string) => parseScenario(`${HEAD}machine: ${machine}\n`, 'x.yaml').machine.numa;

describe('NUMA nodes', () => {
  it.each([
    ['{memory: 1GiB}', undefined],
    [
      '{memory: 1GiB, numa: 2}',
      [
        { memory: GIB / 2, cpus: 1 },
        { memory: GIB / 2, cpus: 1 },
      ],
    ],
    [
      '{memory: 257MiB, cpus: 3, numa: 2}',
      [
        { memory: 129 * MIB, cpus: 2 },
        { memory: 128 * MIB, cpus: 1 },
      ],
    ],
    [
      '{memory: 6GiB, cpus: 2, numa: [{memory: 1GiB, cpus: 0}, {memory: 5GiB, cpus: 2}]}',
      [
        { memory: GIB, cpus: 0 },
        { memory: 5 * GIB, cpus: 2 },
      ],
    ],
  ])('%s', (text, expected) => expect(nodes(text)).toEqual(expected));

  it.each([
    ['numa: 9', '3:17 expected at most 8, found the number 9'],
    ['numa: [{memory: 512MiB}]', '3:17 expected nodes with all of the machine: 1073741824 bytes of memory'],
    ['numa: [{memory: 1GiB, cpus: 1}]', '3:17 expected nodes with all of the machine: 2 cpus; found 1 cpus'],
    ['numa: [{memory: 1GiB}, {memory: 0}]', '3:43 expected memory in whole MiB, found 0 bytes'],
  ])('%s is refused', (text, problem) => {
    const found = problemsOf(() => parseScenario(`${HEAD}machine: {${text}}\n`, 'x.yaml'));
    expect(found[0]?.startsWith(problem), found.join('\n')).toBe(true);
  });
});

describe('a memory module', () => {
  const steps = (...all: string[]) => `${HEAD}expect: lost\nsteps:\n${all.map((each) => `  - ${each}\n`).join('')}`;

  it('gives files more room', () => {
    const text = steps('hotplug-memory: {size: 512MiB}', 'memfd: {name: ram, size: 1200MiB}', 'kexec');
    expect(parseScenario(text, 'x.yaml').steps[0]).toMatchObject({ op: 'hotplug-memory', size: GIB / 2, timeout: 60 });
    expect(problemsOf(() => parseScenario(text.replace(/^.*hotplug.*\n/m, ''), 'x.yaml'))).toHaveLength(1);
  });

  it.each([
    [steps('hotplug-memory: {size: 100MiB}', 'kexec'), 'expected whole 128MiB, found 104857600 bytes'],
    [steps('hotplug-memory: {size: 17GiB}', 'kexec'), 'expected at most 8 memory modules of 16GiB in all'],
    [steps('repeat: {count: 9, steps: [{hotplug-memory: {size: 128MiB}}]}', 'kexec'), 'expected at most 8 memory'],
  ])('%j is refused', (text, problem) =>
    expect(problemsOf(() => parseScenario(text, 'x.yaml')).join('\n')).toContain(problem),
  );
});
