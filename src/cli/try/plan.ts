// SPDX-License-Identifier: Apache-2.0
// The plan of a matrix, made in memory: the scenarios of a series on pairs of its kernels.
import { join } from 'node:path';
import type { Plan } from '../../model/scenario/plan.js';

export interface PlanParts {
  /** Tells this plan from others of the series, and names its matrix. */
  name: string;
  /** Folder of the series' kernels. No plan lies there: the path is its identity. */
  folder: string;
  chains: readonly (readonly [string, string])[];
  /** Paths. */
  scenarios: readonly string[];
  jobs: number | null;
  timeout: number | null;
}

export function planOf({ name, folder, chains, scenarios, jobs, timeout }: PlanParts): Plan {
  return {
    name,
    description: '',
    kernels: [...new Set(chains.flat())],
    fromTrees: [],
    chains: chains.map((chain) => [...chain]),
    selections: scenarios.map((path) => ({
      path,
      kind: 'file',
      tags: [],
      without: [],
      kernels: 'plan',
      repeats: 1,
      line: 0,
    })),
    excludes: [],
    limits: { jobs, memory: null, timeout },
    retries: 2,
    // Like any other matrix: runs that do not end as expected also run cold.
    cold: 0.05,
    // What the base alone ends in decides, not a prediction.
    expect: 'scenario',
    baseline: null,
    profile: null,
    fuzz: null,
    file: join(folder, `${name}.plan`),
    source: JSON.stringify([chains, scenarios]),
  };
}
