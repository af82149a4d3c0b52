// SPDX-License-Identifier: Apache-2.0
// `lab repro`: the same run again, on the same kernels to the byte; and with one thing changed.
import { Command, Option } from 'commander';
import type { KernelImage } from '../../model/kernel/image.js';
import { Preparation } from '../../perform/prepare.js';
import { runStages } from '../../report/live/progress.js';
import { type Again, exitOf, runAgain } from '../../repro/rerun/again.js';
import { type Changes, scenarioOf, type Subject, subjectOf } from '../../repro/rerun/subject.js';
import { type ConfigOption, optionsFor, parseConfigOption, withOptions } from '../../repro/rerun/variant.js';
import { kernelProblem } from '../run/check-kernels.js';
import { sameKernels } from '../run/target.js';
import { interruptible } from '../interrupt.js';
import { A_RUN, type RunOptions, withRun, withRunOptions } from '../run/open-run.js';
import { number, withKernels } from '../option-values.js';
import { againReport, againText } from '../text/repro.js';
import { type KeepOptions, performStage, withKeepOptions } from '../run/perform-stage.js';
import { labVersion } from '../version.js';

interface ReproOptions extends Changes, RunOptions, KeepOptions {
  times: number;
  accel: 'same' | 'auto' | 'kvm' | 'tcg';
  configOption: ConfigOption[];
  otherBuild?: boolean;
  json?: boolean;
}

export function reproCommand(): Command {
  const command = new Command('repro')
    .description(
      'makes a run again: same kernels to the byte, same machine, same faults. Exit status 0 if the same failure (outcome and title) was seen, 1 if not',
    )
    .argument('<run>', A_RUN)
    .option('--times <n>', 'how often: gives the rate of the failure', number('a whole number', 1, 10_000), 1)
    .option('--cmdline-from <words>', "more words for the first kernel's command line")
    .option('--cmdline-to <words>', "more words for the last kernel's command line")
    .option('--memory <size>', "another size of the machine's memory, such as 2GiB")
    .option(
      '--config-option <name=value>',
      'the kernels with this option, built where needed; from: or to: before it means one of them (repeatable)',
      (text: string, all: ConfigOption[]) => [...all, parseConfigOption(text)],
      [],
    )
    .addOption(
      new Option('--accel <how>', 'same: as the run was').choices(['same', 'auto', 'kvm', 'tcg']).default('same'),
    )
    .option('--timeout <seconds>', 'deadline of each run', number('seconds', 1, 86_400, false))
    .option('--other-build', 'where a kernel cannot be had to the byte, take what this host builds');
  return withRunOptions(withKeepOptions(withKernels(command)))
    .option('--json', 'print as JSON; progress goes to standard error')
    .action(async (word: string, options: ReproOptions) => {
      process.exitCode = await withRun(word, options, async ({ folder, result, bundled }) => {
        const subject = await subjectOf(folder, result, bundled);
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
  const images = new Map<string, KernelImage>();
  await runStages(
    sameKernels(
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
  await runStages(preparation.stages([scenario]), process.stderr);
  const which = (at: number) => (options.times > 1 ? ` (${at + 1} of ${options.times})` : '');
  const again = await runAgain(subject.result, options.times, (at) =>
    performStage(scenario, which(at), preparation, options, signal),
  );
  print(subject, again, notes, options.json === true);
  return exitOf(again);
}

function print(subject: Subject, again: Again, notes: readonly string[], json: boolean): void {
  const { result } = subject;
  process.stdout.write(
    json
      ? `${JSON.stringify(againReport(result, again, notes), null, 2)}\n`
      : againText(result, again, notes, process.stdout),
  );
}

/** What the user has changed, and what is another here by itself. */
function changesText({ result }: Subject, options: ReproOptions): string[] {
  const said = (['from', 'to', 'cmdlineFrom', 'cmdlineTo', 'memory'] as const).flatMap((key) =>
    options[key] === undefined ? [] : [`changed: ${key} ${options[key]}`],
  );
  const lab =
    result.versions.lab === labVersion()
      ? []
      : [`the run was made by lab ${result.versions.lab}, this is ${labVersion()}`];
  return [
    ...lab,
    ...said,
    ...options.configOption.map(({ of, line }) => `changed: ${line}${of === 'both' ? '' : ` of ${of}`}`),
  ];
}
