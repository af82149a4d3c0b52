// SPDX-License-Identifier: Apache-2.0
// Turns `kselftest: NAME` into steps: stage 1 on the first kernel, the update, stage 2 on the next one. A test without
// stages runs on every kernel.
import { isStaged } from '../../model/scenario/selftest.js';
import { LIMITS } from '../schema/limits.js';
import type { Problems } from '../source/problems.js';
import type { StepList } from '../steps/step-list.js';

interface Selftest {
  test: string;
  timeout: number;
  tree?: string | undefined;
  stages?: 1 | 2 | undefined;
  args: readonly string[];
}

export function expandKselftest(input: string | Selftest, kernels: number, out: StepList, problems: Problems): void {
  const { test, timeout, tree, args, stages }: Selftest =
    typeof input === 'string' ? { test: input, timeout: LIMITS.selftestTimeout, args: [] } : input;
  const program = {
    op: 'kselftest' as const,
    test,
    timeout,
    ...(tree === undefined ? {} : { tree }),
    ...(args.length === 0 ? {} : { args: [...args] }),
  };
  const path = ['kselftest'];
  if (stages === undefined ? isStaged(test) : stages === 2) {
    if (kernels !== 2)
      problems.add(path, `${test} has two stages, which takes two kernels; found ${kernels}`, null, 'key');
    out.add({ ...program, stage: 1 }, path);
    out.add({ op: 'kexec' }, path);
    out.add({ ...program, stage: 2 }, path);
    return;
  }
  for (let epoch = 0; epoch < kernels; epoch++) {
    if (epoch > 0) out.add({ op: 'kexec' }, path);
    out.add({ ...program, stage: null }, path, 'OK');
  }
}
