// SPDX-License-Identifier: Apache-2.0
// The plan of a hunt: that of a file, with what options replace.
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { GENERATORS, isGenerator } from '../../fuzz/input.js';
import { type HuntPlan, parseHuntPlan } from '../../fuzz/plan/plan.js';
import { definedKernels } from '../../images/index.js';
import type { HostRule } from '../../model/scenario/host-use.js';
import { UsageError } from '../../util/errors.js';

export interface PlanOptions {
  jobs?: number;
  time?: number;
  executions?: number;
  seed?: number;
  corpus?: string;
  kernels?: string;
  generators?: string;
}

/**
 * Options replace what the plan says.
 * @param rule what the plan may use of this host; null if it is trusted
 */
export function huntPlanOf(file: string | undefined, options: PlanOptions, rule: HostRule | null = null): HuntPlan {
  const [text, path] = file === undefined ? ['{}', 'defaults'] : textOf(file);
  const plan = parseHuntPlan(text, path, { problem: kernelProblem, rule });
  const { kernels, generators, time } = options;
  const pair = kernels === undefined ? null : kernels.split('..');
  if (pair !== null && (pair.length > 2 || pair.some((name) => kernelProblem(name) !== null)))
    throw new UsageError(`--kernels ${kernels}: expected FROM..TO`, { hint: 'lab images list shows the kernels' });
  const chosen = generators?.split(',').map((name) => {
    if (isGenerator(name)) return [name, 1] as const;
    throw new UsageError(`--generators ${name}: expected ${GENERATORS.join(' or ')}`);
  });
  return {
    ...plan,
    kernels: pair === null ? plan.kernels : [[pair[0] as string, pair[1] ?? (pair[0] as string)]],
    generators: chosen === undefined ? plan.generators : new Map(chosen),
    time: time === undefined ? plan.time : time * 1000,
    executions: options.executions ?? plan.executions,
    jobs: options.jobs ?? plan.jobs,
    seed: options.seed ?? plan.seed,
    corpus: options.corpus === undefined ? plan.corpus : resolve(options.corpus),
  };
}

/** A plan of somebody else names kernels of this lab, and no path. */
function kernelProblem(name: string): string | null {
  return definedKernels().includes(name) ? null : `there is no kernel ${name}; see lab images list`;
}

export function textOf(file: string): [text: string, file: string] {
  if (!existsSync(file)) throw new UsageError(`there is no ${file}`);
  return [readFileSync(file, 'utf8'), file];
}
