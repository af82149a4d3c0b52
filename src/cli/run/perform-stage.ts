// SPDX-License-Identifier: Apache-2.0
// Runs one scenario with progress output; and the options of every command that keeps runs.
import { type Command, Option } from 'commander';
import type { Event } from '../../model/result/event.js';
import { MEMORY_KEPT, type MemoryKept } from '../../model/result/memory-image.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import { perform, type Performed } from '../../perform/perform.js';
import type { Preparation } from '../../perform/prepare.js';
import { inStage } from '../../report/live/progress.js';
import { progressText } from '../../report/live/progress-text.js';
import { shortChain } from '../../report/night/pair-result.js';
import { labVersion } from '../common/version.js';

export interface KeepOptions {
  results: string;
  keep?: boolean;
  memoryImage: MemoryKept;
  cold?: boolean;
  /** Keep which code ran. */
  coverage?: boolean;
}

export function withKeepOptions(command: Command): Command {
  return command
    .option('--cold', 'boot the machine, instead of starting it from a saved one')
    .option('--keep', "do not delete the machine's private folder (console, monitor socket)")
    .addOption(
      new Option(
        '--memory-image <when>',
        "keep the machine's memory with the run, for `lab dump`; always: also what is handed over at each kexec",
      )
        .choices(MEMORY_KEPT)
        .default('unexpected'),
    );
}

/** @param label tells several runs apart in the stage's title */
export function performStage(
  scenario: Scenario,
  label: string,
  preparation: Preparation,
  { results, keep, memoryImage, cold, coverage }: KeepOptions,
  signal: AbortSignal,
  onEvent: (event: Event) => void = () => undefined,
): Promise<Performed> {
  return inStage(
    `${scenario.name}: ${shortChain(scenario.kernels)}${label}`,
    (task) =>
      perform(scenario, preparation.of(scenario), {
        results,
        labVersion: labVersion(),
        signal,
        keep: keep === true,
        memory: memoryImage,
        // A saved machine ran a part of the code before it was saved.
        snapshots: cold === true || coverage === true ? 'cold' : 'use',
        coverage: coverage === true ? 'on' : 'off',
        onEvent: (event) => {
          onEvent(event);
          const text = progressText(event);
          if (text !== null) task.detail(text);
        },
      }),
    process.stderr,
  );
}
