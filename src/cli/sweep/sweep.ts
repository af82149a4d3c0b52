// SPDX-License-Identifier: Apache-2.0
// `lab sweep`: lets each allocation of a step fail, one a run.
import { basename } from 'node:path';
import { Command, Option } from 'commander';
import { requireMemory } from '../../host/capacity.js';
import { ruleFor, type TrustOption } from '../../host/trust.js';
import type { Event } from '../../model/result/event.js';
import { FAILING_STEPS, type FailingStep } from '../../model/scenario/failing.js';
import { Preparation } from '../../perform/prepare.js';
import { type Ended, sweep, withFailing } from '../../repro/sweep.js';
import { loadScenario, parseScenario } from '../../scenario/index.js';
import { type Accel, accelOption, timeout, trustOption, wholeNumber, withKernels } from '../common/option-values.js';
import { EXIT_INFRA } from '../common/exit.js';
import { interruptible } from '../common/interrupt.js';
import { runSetUp } from '../common/set-up.js';
import { kernelProblem } from '../run/check-kernels.js';
import { performStage } from '../run/perform-stage.js';
import { sweepText } from './sweep-text.js';

interface SweepOptions extends TrustOption {
  step: FailingStep;
  which: number;
  first: number;
  max: number;
  from?: string;
  to?: string;
  accel: Accel;
  timeout?: number;
  results: string;
  cold?: boolean;
  json?: boolean;
}

export function createCommand(): Command {
  const command = new Command('sweep')
    .description('lets each allocation of a step fail, one a run, until the step makes no more')
    .argument('<scenario>', 'scenario file');
  return withKernels(command)
    .addOption(new Option('--step <operation>', 'operation of the step').choices(FAILING_STEPS).makeOptionMandatory())
    .option('--which <n>', 'which of these steps, from 1', wholeNumber(1, 500_000), 1)
    .option('--first <n>', 'begin with this allocation', wholeNumber(1, 1_000_000), 1)
    .option('--max <n>', 'try at most this many allocations', wholeNumber(1, 10_000), 100)
    .option('--cold', 'boot each machine, instead of starting it from a saved one')
    .addOption(accelOption())
    .addOption(trustOption('the scenario'))
    .option('--timeout <seconds>', 'end each run after this time', timeout)
    .option('--results <dir>', 'folder of the results', 'results')
    .option('--json', 'print as JSON')
    .action(async (file: string, options: SweepOptions) => {
      process.exitCode = await interruptible((signal) => sweepScenario(file, options, signal));
    });
}

async function sweepScenario(file: string, options: SweepOptions, signal: AbortSignal): Promise<number> {
  const { from, to, timeout: limit, accel, results, cold, first, max, step, which } = options;
  const rule = ruleFor(file, options);
  const overrides = { from, to, timeout: limit, kernelProblem };
  const scenario = await loadScenario(file, { ...overrides, rule });
  requireMemory(scenario.machine.memory);
  const failing = (nth: number) => {
    const text = withFailing(scenario.source, { step, which, nth });
    return { ...parseScenario(text, file, { ...overrides, rule }), name: `${scenario.name}-${step}-${nth}` };
  };
  const one = failing(first);
  const preparation = new Preparation({ accel, signal });
  await runSetUp(preparation.stages([one]));
  const swept = await sweep({ first, max }, { step, which }, async (nth) => {
    const each = failing(nth);
    const events: Event[] = [];
    const keep = { results, memoryImage: 'never', ...(cold === undefined ? {} : { cold }) } as const;
    const take = (event: Event) => void (event.kind === 'step' && events.push(event));
    const { result, folder } = await performStage(each, `, allocation ${nth}`, preparation, keep, signal, take);
    const { outcome, asExpected, cause } = result;
    const ended: Ended = { outcome, asExpected, title: cause?.title ?? null, run: basename(folder), events };
    return { scenario: each, ended };
  });
  const report = { scenario: scenario.name, step, which, first, ...swept };
  process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : sweepText(report));
  if (swept.runs.some(({ asExpected, outcome }) => !asExpected && outcome !== 'infra')) return 1;
  return swept.runs.some(({ outcome }) => outcome === 'infra') ? EXIT_INFRA : 0;
}
