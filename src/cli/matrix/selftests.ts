// SPDX-License-Identifier: Apache-2.0
// `lab selftests`: every live-update test of a kernel's source on every pair of kernels. It writes the plan and its
// scenarios, which lab matrix takes as well, and runs it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { Command } from 'commander';
import { type ListedTest, listKselftests } from '../../images/index.js';
import { selftestPlan } from '../../matrix/selftest-plan.js';
import { interruptible } from '../common/interrupt.js';
import { type Accel, accelOption, jobs } from '../common/option-values.js';
import { runSetUp } from '../common/set-up.js';
import { runMatrix } from './matrix.js';

interface SelftestsOptions {
  kernels?: string[];
  jobs?: number;
  resume?: boolean;
  accel: Accel;
  results: string;
  json?: boolean;
}

export function createCommand(): Command {
  return new Command('selftests')
    .description("runs every live-update test of a kernel's source on every pair of kernels")
    .argument('<tree>', 'the kernel whose source has the tests')
    .option('--kernels <kernel...>', 'pair these kernels; by default the tree with itself')
    .option('--jobs <n>', 'run at most this many machines at once', jobs)
    .option('--resume', 'continue where the last one stopped; nothing runs twice')
    .addOption(accelOption())
    .option('--results <dir>', 'folder of the results; selftests-TREE in it has the plan', 'results')
    .option('--json', 'print the matrix and its outcomes as JSON')
    .action(async (tree: string, options: SelftestsOptions) => {
      process.exitCode = await interruptible((signal) => runSelftests(tree, options, signal));
    });
}

/** The plan is in another folder than the user. */
const absolute = (kernel: string): string => (/\/|\.yaml$/.test(kernel) ? resolve(kernel) : kernel);

async function runSelftests(given: string, options: SelftestsOptions, signal: AbortSignal): Promise<number> {
  const { kernels, ...rest } = options;
  const tree = absolute(given);
  let tests: ListedTest[] = [];
  await runSetUp([
    {
      title: `tests of ${tree}`,
      run: async (task) => {
        const onProgress = ({ task: what }: { task: string }) => task.detail(what);
        tests = await listKselftests(tree, { signal, onProgress });
      },
    },
  ]);
  const folder = join(resolve(options.results), `selftests-${basename(tree, '.yaml').replace(/[^\w.~-]+/g, '_')}`);
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of selftestPlan(tree, tests, (kernels ?? [tree]).map(absolute)))
    writeFileSync(join(folder, name), text);
  // The plan is the lab's own.
  return runMatrix(join(folder, 'plan.yaml'), { ...rest, trust: true }, signal);
}
