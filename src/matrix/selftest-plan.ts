// SPDX-License-Identifier: Apache-2.0
// Makes a plan of all live-update tests that a kernel's source has: a scenario for each program, on every pair.
import type { ListedTest } from '../images/index.js';

/** Text of a scenario that runs a test of a tree. */
export function selftestScenario(
  tree: string,
  { name, staged }: ListedTest,
  [from, to]: readonly [from: string, to: string],
): string {
  return [
    `description: ${JSON.stringify(`The test ${name} of the source of ${tree} on both kernels`)}`,
    'tags: [kselftest]',
    `from: ${JSON.stringify(from)}`,
    `to: ${JSON.stringify(to)}`,
    `kselftest: {test: ${name}, tree: ${JSON.stringify(tree)}, stages: ${staged ? 2 : 1}}`,
    'expect: preserved',
    '',
  ].join('\n');
}

/** Text of each file, by name. `plan.yaml` is the plan; paths in it are relative to it. */
export function selftestPlan(
  tree: string,
  tests: readonly ListedTest[],
  kernels: readonly string[],
): Map<string, string> {
  const [from = tree, to = from] = [kernels[0], kernels.at(-1)];
  const files = new Map<string, string>();
  for (const test of tests) {
    files.set(`${test.name}.yaml`, selftestScenario(tree, test, [from, to]));
  }
  files.set(
    'plan.yaml',
    [
      `name: ${JSON.stringify(`selftests-${tree.split('/').at(-1) ?? tree}`)}`,
      `description: ${JSON.stringify(`Every live-update test of the source of ${tree} on every pair of kernels`)}`,
      `kernels: ${JSON.stringify(kernels)}`,
      'pairs: all',
      'scenarios:',
      ...tests.map(({ name }) => `  - file: ${name}.yaml`),
      'limits: {timeout: 300}',
      '',
    ].join('\n'),
  );
  return files;
}
