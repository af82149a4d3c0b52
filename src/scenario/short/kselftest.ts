// SPDX-License-Identifier: Apache-2.0
// `kselftest: NAME` as steps: stage 1 on the first kernel, the update, stage 2 on the next; a test without stages runs
// on every kernel.
import { isStaged } from '../../model/scenario/selftest.js';
import { LIMITS } from '../schema/limits.js';
import type { Problems } from '../problems.js';
import type { StepList } from '../explicit/steplist.js';

export function expandKselftest(
  given: string | { test: string; timeout: number },
  kernels: number,
  out: StepList,
  problems: Problems,
): void {
  const { test, timeout } = typeof given === 'string' ? { test: given, timeout: LIMITS.selftestTimeout } : given;
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
