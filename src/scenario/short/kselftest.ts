// SPDX-License-Identifier: Apache-2.0
// Turns `kselftest: NAME` into steps: stage 1 on the first kernel, the update, stage 2 on the next one. A test without
// stages runs on every kernel.
import { isStaged } from '../../model/scenario/selftest.js';
import { LIMITS } from '../schema/limits.js';
import type { Problems } from '../source/problems.js';
import type { StepList } from '../steps/step-list.js';

export function expandKselftest(
  input: string | { test: string; timeout: number },
  kernels: number,
  out: StepList,
  problems: Problems,
): void {
  const { test, timeout } = typeof input === 'string' ? { test: input, timeout: LIMITS.selftestTimeout } : input;
  const path = ['kselftest'];
  if (isStaged(test)) {
    if (kernels !== 2)
      problems.add(path, `${test} has two stages, which takes two kernels; found ${kernels}`, null, 'key');
    out.add({ op: 'kselftest', test, stage: 1, timeout }, path);
    out.add({ op: 'kexec' }, path);
    out.add({ op: 'kselftest', test, stage: 2, timeout }, path);
    return;
  }
  for (let epoch = 0; epoch < kernels; epoch++) {
    if (epoch > 0) out.add({ op: 'kexec' }, path);
    out.add({ op: 'kselftest', test, stage: null, timeout }, path, 'OK');
  }
}
