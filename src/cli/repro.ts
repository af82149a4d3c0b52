// SPDX-License-Identifier: Apache-2.0
// `lab repro`: the same run again, on the same kernels to the byte; and with one thing changed.
import { Command, Option } from 'commander';
import type { KernelImage } from '../model/image.js';
import type { MemoryKept } from '../model/memory-image.js';
import { perform, type Performed } from '../perform/perform.js';
import { Preparation } from '../perform/prepare.js';
import { progressText } from '../report/progress-text.js';
import { runStages } from '../report/progress.js';
import { shortChain } from '../report/square.js';
import { type Again, exitOf, runAgain } from '../repro/again.js';
import { sameKernel } from '../repro/same-kernel.js';
import { type Changes, scenarioOf, type Subject, subjectOf } from '../repro/subject.js';
import { type ConfigOption, optionsFor, parseConfigOption, withOptions } from '../repro/variant.js';
import { kernelProblem } from './check-kernels.js';
import { showOn } from './images.js';
import { interruption } from './interrupt.js';
import { A_RUN, type RunOptions, withRun, withRunOptions } from './open-run.js';
import { number } from './option-values.js';
import { againReport, againText } from './repro-text.js';
import { memoryOption } from './run.js';
import { labVersion } from './version.js';

interface ReproOptions extends Changes, RunOptions {
  times: number;
  accel: 'same' | 'auto' | 'kvm' | 'tcg';
  configOption: ConfigOption[];
  otherBuild?: boolean;
  keep?: boolean;
  memoryImage: MemoryKept;
  json?: boolean;
}

export function reproCommand(): Command {
  const command = new Command('repro')
    .description('makes a run again: same kernels to the byte, same machine, same faults. Exit status 0 if the same failure (outcome and title) was seen, 1 if not')
    .argument('<run>', A_RUN)
    .option('--times <n>', 'how often: gives the rate of the failure', number('a whole number', 1, 10_000), 1)
    .option('--from <kernel>', 'another kernel that hands over')
    .option('--to <kernel>', 'another kernel that takes over')
    .option('--cmdline-from <words>', 'more words for the first kernel\'s command line')
    .option('--cmdline-to <words>', 'more words for the last kernel\'s command line')
    .option('--memory <size>', 'another size of the machine\'s memory, such as 2GiB')
    .option('--config-option <name=value>', 'the kernels with this option, built where needed; from: or to: before it means one of them (repeatable)', (text: string, all: ConfigOption[]) => [...all, parseConfigOption(text)], [])
    .addOption(new Option('--accel <how>', 'same: as the run was').choices(['same', 'auto', 'kvm', 'tcg']).default('same'))
    .option('--timeout <seconds>', 'deadline of each run', number('seconds', 1, 86_400, false))
    .option('--other-build', 'where a kernel cannot be had to the byte, take what this host builds')
    .option('--keep', 'keep the machine\'s private folder')
    .addOption(memoryOption());
  return withRunOptions(command)
    .option('--json', 'print as JSON; progress goes to standard error')
    .action(async (word: string, options: ReproOptions) => {
      process.exitCode = await withRun(word, options, async ({ folder, result, bundled }) => repro(await subjectOf(folder, result, bundled), options));
    });
}

async function repro(subject: Subject, options: ReproOptions): Promise<number> {
  const stopped = interruption();
  const { signal } = stopped;
  const notes = changesText(subject, options);
  const done: Performed[] = [];
  try {
    const quiet = { signal, onProgress: () => undefined };
    const variant = (of: 'from' | 'to', name: string) => withOptions(name, optionsFor(options.configOption, of), quiet);
    const [first, last] = [subject.kernels[0]?.name ?? '', subject.kernels.at(-1)?.name ?? ''];
    const from = variant('from', options.from ?? first);
    const to = variant('to', options.to ?? last);
    const changes: Changes = { ...options, from: from === first ? undefined : from, to: to === last ? undefined : to };
    const scenario = scenarioOf(subject, changes, kernelProblem);
    const images = new Map<string, KernelImage>();
    const wanted = subject.kernels.filter(({ name }) => scenario.kernels.includes(name));
    await runStages([...new Map(wanted.map((kernel) => [kernel.name, kernel])).values()].map((kernel) => ({
      title: `the same ${kernel.name}`, run: async (task) => {
        const same = await sameKernel(kernel, options.otherBuild === true, { signal, onProgress: showOn(task) });
        images.set(kernel.name, same.image);
        if (same.note !== null) notes.push(same.note);
      },
    })), process.stderr);
    const accel = options.accel === 'same' ? subject.result.qemu.accel === 'kvm' ? 'kvm' : 'tcg' : options.accel;
    const preparation = new Preparation({ accel, signal, images, everyHandover: options.memoryImage === 'always' });
    await runStages(preparation.stages([scenario]), process.stderr);
    const again = await runAgain(subject.result, options.times, async (at) => {
      await runStages([{
        title: `${scenario.name}: ${shortChain(scenario.kernels)}${options.times > 1 ? ` (${at + 1} of ${options.times})` : ''}`,
        run: async (task) => {
          done.push(await perform(scenario, preparation.of(scenario), {
            results: options.results, labVersion: labVersion(), signal, keep: options.keep === true, memory: options.memoryImage,
            onEvent: (event) => {
              const text = progressText(event);
              if (text !== null) task.detail(text);
            },
          }));
        },
      }], process.stderr);
      return done.at(-1) as Performed;
    });
    print(subject, again, notes, options.json === true);
    return exitOf(again);
  } finally {
    stopped.release();
  }
}

function print(subject: Subject, again: Again, notes: readonly string[], json: boolean): void {
  const { result } = subject;
  process.stdout.write(json ? `${JSON.stringify(againReport(result, again, notes), null, 2)}\n` : againText(result, again, notes, process.stdout));
}

/** What the user has changed, and what is another here by itself. */
function changesText({ result }: Subject, options: ReproOptions): string[] {
  const said = (['from', 'to', 'cmdlineFrom', 'cmdlineTo', 'memory'] as const).flatMap((key) => (options[key] === undefined ? [] : [`changed: ${key} ${options[key]}`]));
  const lab = result.versions.lab === labVersion() ? [] : [`the run was made by lab ${result.versions.lab}, this is ${labVersion()}`];
  return [...lab, ...said, ...options.configOption.map(({ of, line }) => `changed: ${line}${of === 'both' ? '' : ` of ${of}`}`)];
}
