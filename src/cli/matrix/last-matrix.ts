// SPDX-License-Identifier: Apache-2.0
// The matrix that `lab matrix --resume` continues.
import { join } from 'node:path';
import { checkResumable } from '../../matrix/plan-run.js';
import { labPath } from '../../matrix/select.js';
import type { Matrix } from '../../model/result/matrix.js';
import type { Plan } from '../../model/scenario/plan.js';
import { matrixIds, readMatrix } from '../../store/matrix/folder.js';
import { messageOf, UsageError } from '../../util/errors.js';
import { labIdentity } from '../common/version.js';

/** The newest matrix of this plan. Throws a UsageError if there is none that can continue. */
export function lastMatrixOf(plan: Plan, results: string, sha256: string): Matrix {
  const problems: string[] = [];
  const matrix = findMatrixOf(plan, results, sha256, problems);
  if (matrix !== null) return matrix;
  throw new UsageError(`${results} holds no matrix of ${plan.name} to continue`, {
    hint: 'leave out --resume to start a new one',
    detail: problems.length === 0 ? null : problems.join('\n'),
  });
}

/** Null if there is none. Throws a UsageError if the newest cannot continue. */
export function findMatrixOf(plan: Plan, results: string, sha256: string, problems: string[] = []): Matrix | null {
  for (const id of matrixIds(results).reverse()) {
    try {
      const matrix = readMatrix(join(results, id));
      if (matrix.plan !== labPath(plan.file)) continue;
      checkResumable(matrix, sha256, labIdentity());
      return matrix;
    } catch (error) {
      if (error instanceof UsageError) throw error;
      problems.push(messageOf(error));
    }
  }
  return null;
}
