// SPDX-License-Identifier: Apache-2.0
// YAML that people write, or send: scenarios, plans, profiles.
import { join } from 'node:path';
import { parse } from 'yaml';
import { kernelProblem } from '../../../src/cli/run/check-kernels.js';
import { type PlanKernels, parsePlan, parseProfile, parseScenario } from '../../../src/scenario/index.js';
import { yamlMutator } from '../mutate/tree.js';
import type { Target } from '../target.js';
import { filesOf, ROOT } from './samples.js';

const FILE = join(ROOT, 'scenarios/fuzzed.yaml');
const mutate = yamlMutator(parse);
const ALL = ['6.19.11', '7.1.13', '7.2.12', '7.3.4', '7.3.4-object'];
const KERNELS: PlanKernels = {
  all: ALL,
  releases: ['6.19.11', '7.1.13', '7.2.12', '7.3.4'],
  problem: (name) => (ALL.includes(name) ? null : `no kernel ${name}`),
};
const shipped = () =>
  ['scenarios', 'scenarios/cases', 'scenarios/devices', 'scenarios/guests', 'scenarios/places']
    .flatMap((folder) => filesOf(folder, '.yaml'))
    .filter((text) => !/^(kernels|pins|hosts):/m.test(text.toString('utf8')) && text.length < 4096);

export const SCENARIOS: readonly Target[] = [
  {
    name: 'scenario',
    seeds: () => shipped().filter((text) => isScenario(text)),
    mutate,
    maxBytes: 8192,
    parse: (input) => parseScenario(input.toString('utf8'), FILE, { kernelProblem }),
    weight: 0.4,
  },
  {
    name: 'plan',
    seeds: () => filesOf('scenarios/matrix', '.yaml'),
    mutate,
    maxBytes: 8192,
    parse: (input) => parsePlan(input.toString('utf8'), join(ROOT, 'scenarios/matrix/fuzzed.yaml'), KERNELS),
    weight: 0.4,
  },
  {
    name: 'profile',
    seeds: () => filesOf('scenarios/profiles', '.yaml'),
    mutate,
    maxBytes: 8192,
    parse: (input) => parseProfile(input.toString('utf8'), join(ROOT, 'scenarios/profiles/fuzzed.yaml')),
    weight: 0.6,
  },
];

function isScenario(text: Buffer): boolean {
  try {
    parseScenario(text.toString('utf8'), FILE);
    return true;
  } catch {
    return false;
  }
}
