// SPDX-License-Identifier: Apache-2.0
// From the Makefile of a kernel's tests to a plan that runs each of them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { testsIn } from '../../../src/images/build/kselftest.js';
import { selftestPlan } from '../../../src/matrix/selftest-plan.js';
import { parsePlan, parseScenario } from '../../../src/scenario/index.js';
import { temporaryFolder } from '../../util/temporary.js';

const MAKEFILE = `LIB_C += luo_test_utils.c
TEST_GEN_PROGS += liveupdate gone
TEST_GEN_PROGS_EXTENDED := luo_one \\
	iommufd_kexec # luo_comment
TEST_FILES += do_kexec.sh
$(TEST_GEN_PROGS): ../evil
`;

function folder(): string {
  const dir = temporaryFolder();
  const staged = 'int main(int argc, char **argv) { return luo_test(argc, argv, "s", one, two); }\n';
  const sources = {
    'liveupdate.c': 'TEST_HARNESS_MAIN\n',
    'luo_one.c': staged,
    'iommufd_kexec.c': staged,
    Makefile: MAKEFILE,
  };
  for (const [name, text] of Object.entries(sources)) writeFileSync(join(dir, name), text);
  return dir;
}

describe('the tests of a tree', () => {
  it('are those that its Makefile makes of a source; luo_test() has two stages', () => {
    expect(testsIn(folder())).toEqual([
      { name: 'liveupdate', staged: false },
      { name: 'luo_one', staged: true },
      { name: 'iommufd_kexec', staged: true },
    ]);
    expect(testsIn(temporaryFolder())).toEqual([]);
  });

  it('become a plan of all pairs, and a scenario each', () => {
    const dir = folder();
    const files = selftestPlan('./a tree.yaml', testsIn(dir), ['1', '2']);
    for (const [name, text] of files) writeFileSync(join(dir, name), text);
    const known = { all: ['1', '2'], releases: [], problem: () => null };
    const plan = parsePlan(files.get('plan.yaml') ?? '', join(dir, 'plan.yaml'), known);
    expect(plan.chains).toEqual([
      ['1', '1'],
      ['1', '2'],
      ['2', '1'],
      ['2', '2'],
    ]);
    expect(plan.selections.map(({ path }) => path.slice(dir.length + 1))).toEqual([
      'liveupdate.yaml',
      'luo_one.yaml',
      'iommufd_kexec.yaml',
    ]);
  });

  it('run on every kernel, or in a stage before and one after the update, whatever their name is', () => {
    const files = selftestPlan('7.3.4', testsIn(folder()), ['7.2.12', '7.3.4']);
    const stages = (name: string) =>
      parseScenario(files.get(name) ?? '', name, { kernelProblem: () => null }).steps.flatMap((step) =>
        step.op === 'kselftest' ? [[step.epoch, step.stage]] : [],
      );
    expect(stages('iommufd_kexec.yaml')).toEqual([
      [0, 1],
      [1, 2],
    ]);
    expect(stages('liveupdate.yaml')).toEqual([
      [0, null],
      [1, null],
    ]);
  });
});
