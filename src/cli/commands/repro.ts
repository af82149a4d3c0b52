// SPDX-License-Identifier: Apache-2.0
// `lab repro`: repeats a run on the same kernels, to the byte; if asked to, with one thing changed.
import { Command, Option } from 'commander';
import { requireMemory } from '../../host/capacity.js';
import type { KernelImage } from '../../model/kernel/image.js';
import { Preparation } from '../../perform/prepare.js';
import { runStages } from '../../report/live/progress.js';
import { agreementsOf, whyNotSame } from '../../repro/rerun/agreement.js';
import { reproStatus, rerun } from '../../repro/rerun/rerun.js';
import { type Changes, scenarioOf, type Subject, subjectOf } from '../../repro/rerun/subject.js';
import { type ConfigOption, optionsFor, parseConfigOption, withOptions } from '../../repro/rerun/variant.js';
import { kernelProblem } from '../run/check-kernels.js';
import { exactKernels } from '../run/target.js';
import { interruptible, onInterruptKept } from '../common/interrupt.js';
import { runSetUp } from '../common/set-up.js';
import { RUN_ARGUMENT, type RunOptions, withRun, withRunOptions } from '../run/open-run.js';
import { timeout, wholeNumber, withKernels } from '../common/option-values.js';
import { reproJson, reproText } from '../text/repro.js';
import { type KeepOptions, performStage, withKeepOptions } from '../run/perform-stage.js';
import { labVersion } from '../common/version.js';

interface ReproOptions extends Changes, RunOptions, KeepOptions {
  times: number;
  accel: 'same' | 'auto' | 'kvm' | 'tcg';
  configOption: ConfigOption[];
  otherBuild?: boolean;
  json?: boolean;
}

export function createCommand(): Command {
  const command = new Command('repro')
    .description(
      'repeats a run with the same kernels (to the byte), the same machine and the same faults. ' +
        'Exit status 0 if the same failure (outcome and title) came again, 1 if not',
    )
    .argument('<run>', RUN_ARGUMENT)
    .option('--times <n>', 'repeat this many times and print the rate of the failure', wholeNumber(1, 10_000), 1)
    .option(
      '--same',
      'make the runs the same as far as possible (counted instructions, one seed, one date), at least two, ' +
        'and say how far their consoles agree',
    )
    .option('--cmdline-from <words>', "add words to the first kernel's command line")
    .option('--cmdline-to <words>', "add words to the last kernel's command line")
    .option('--memory <size>', 'give the machine this much memory, such as 2GiB')
    .option(
      '--config-option <name=value>',
      'build the kernels with this option; from: or to: before it selects one of them (repeatable)',
      (text: string, all: ConfigOption[]) => [...all, parseConfigOption(text)],
      [],
    )
    .addOption(
      new Option('--accel <how>', 'same: as in the run').choices(['same', 'auto', 'kvm', 'tcg']).default('same'),
    )
    .option('--timeout <seconds>', 'end each run after this time', timeout)
    .option('--other-build', 'if a kernel is not available to the byte, use what this host builds');
  return withRunOptions(withKeepOptions(withKernels(command)))
    .option('--json', 'print as JSON; progress goes to standard error')
    .action(async (word: string, options: ReproOptions) => {
      process.exitCode = await withRun(word, options, async ({ folder, result, bundled, trust }) => {
        const subject = await subjectOf(folder, result, { bundled, trust });
        return interruptible((signal) => repro(subject, options, signal));
      });
    });
}

async function repro(subject: Subject, options: ReproOptions, signal: AbortSignal): Promise<number> {
  const notes = changesText(subject, options);
  const quiet = { signal, onProgress: () => undefined };
  const variant = (of: 'from' | 'to', name: string) => withOptions(name, optionsFor(options.configOption, of), quiet);
  const [first, last] = [subject.kernels[0]?.name ?? '', subject.kernels.at(-1)?.name ?? ''];
  const from = variant('from', options.from ?? first);
  const to = variant('to', options.to ?? last);
  const changes: Changes = { ...options, from: from === first ? undefined : from, to: to === last ? undefined : to };
  const scenario = scenarioOf(subject, changes, kernelProblem);
  requireMemory(scenario.machine.memory);
  const images = new Map<string, KernelImage>();
  await runStages(
    exactKernels(
      subject.kernels,
      scenario.kernels,
      { otherBuild: options.otherBuild === true, note: (text) => void notes.push(text) },
      images,
      signal,
    ),
    process.stderr,
  );
  const accel = options.accel === 'same' ? (subject.result.qemu.accel === 'kvm' ? 'kvm' : 'tcg') : options.accel;
  const preparation = new Preparation({ accel, signal, images, everyHandover: options.memoryImage === 'always' });
  await runSetUp(preparation.stages([scenario]));
  const times = options.same === true ? Math.max(2, options.times) : options.times;
  const label = (at: number) => (times > 1 ? ` (${at + 1} of ${times})` : '');
  let done = 0;
  onInterruptKept(() => (done === 0 ? [] : [`${done} of ${times} runs, in ${options.results}`]));
  const report = await rerun(subject.result, times, async (at) => {
    const performed = await performStage(scenario, label(at), preparation, options, signal);
    done++;
    return performed;
  });
  const agreements = options.same === true ? agreementsOf(report.runs.map(({ folder }) => folder)) : null;
  const notSame = options.same === true ? whyNotSame(report.representative) : null;
  if (notSame !== null) notes.push(notSame);
  process.stdout.write(
    options.json
      ? `${JSON.stringify(reproJson(subject.result, report, { notes, agreements }), null, 2)}\n`
      : reproText(subject.result, report, { notes, agreements }, process.stdout),
  );
  return reproStatus(report);
}

/** What the user changed, and whether another lab made the run. */
function changesText({ result }: Subject, options: ReproOptions): string[] {
  const changed = (['from', 'to', 'cmdlineFrom', 'cmdlineTo', 'memory'] as const).flatMap((key) =>
    options[key] === undefined ? [] : [`changed: ${key} ${options[key]}`],
  );
  const lab =
    result.versions.lab === labVersion() ? [] : [`lab ${result.versions.lab} made the run, this is ${labVersion()}`];
  return [
    ...lab,
    ...changed,
    ...options.configOption.map(({ of, line }) => `changed: ${line}${of === 'both' ? '' : ` of ${of}`}`),
  ];
}
