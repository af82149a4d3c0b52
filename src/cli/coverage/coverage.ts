// SPDX-License-Identifier: Apache-2.0
// `lab coverage`: which lines and branches of live update code ran, in both kernels, early boot included.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import {
  htmlPages,
  lcov,
  loadKernel,
  mergeRuns,
  missedLines,
  reachedBy,
  type ReportedKernel,
  tally,
} from '../../coverage/index.js';
import { inStage } from '../../report/live/progress.js';
import { writeWhole } from '../../store/write-whole.js';
import { LabError, messageOf, UsageError } from '../../util/errors.js';
import { printable } from '../../util/text/escape.js';
import { EXIT_INFRA } from '../common/exit.js';
import { interruptible, keepsCache } from '../common/interrupt.js';
import { timeout, trustOption, withKernels } from '../common/option-values.js';
import { showOn } from '../common/show-progress.js';
import { coveredRuns, type InputOptions } from './inputs.js';
import { headText, missedText, tableText } from './text.js';

interface Place {
  file: string;
  line: number;
}

interface CoverageOptions extends InputOptions {
  json?: boolean;
  lcov?: string;
  html?: string;
  reaches?: Place;
  missed?: boolean;
  kernel?: string;
  symbols: boolean;
}

export function createCommand(): Command {
  const command = new Command('coverage')
    .description(
      'shows which lines and branches of live update code ran, in all kernels of a run. ' +
        'Exit status: 1 nothing reaches the line of --reaches, 3 nothing could be seen',
    )
    .argument('<what...>', 'runs or matrices that kept coverage (--coverage), and scenarios, which it runs');
  return withKernels(command)
    .option('--kernel <kernel>', 'show this kernel only')
    .option('--missed', 'list the lines that nothing reaches, instead of the table')
    .option('--reaches <file:line>', 'list what reaches this line, instead of the table', place)
    .option('--lcov <file>', 'write a tracefile for lcov, genhtml, editors and CI systems')
    .option('--html <dir>', 'write pages with the source that open from disk')
    .option('--no-symbols', 'build no kernels with debug information: functions and blocks only')
    .addOption(trustOption('scenarios and runs'))
    .option('--results <dir>', 'folder of the results', 'results')
    .option('--timeout <seconds>', 'end each run after this time', timeout)
    .option('--json', 'print as JSON; progress goes to standard error')
    .action(async (words: string[], options: CoverageOptions) => {
      process.exitCode = await coverage(words, options);
    });
}

function place(text: string): Place {
  const [, file = '', line = ''] = /^([\w./-]+):(\d{1,6})$/.exec(text) ?? [];
  if (file === '') throw new InvalidArgumentError('expected FILE:LINE, such as luo_session.c:120.');
  return { file: file.replace(/^\.?\//, ''), line: Number(line) };
}

async function coverage(words: readonly string[], options: CoverageOptions): Promise<number> {
  const { runs, without, mayResolve } = await coveredRuns(words, options);
  const say = (text: string) => process.stderr.write(`lab: ${printable(text, 600)}\n`);
  if (without.length > 0)
    say(`${without.length} of ${runs.length + without.length} runs kept no coverage, such as ${without[0] ?? ''}`);
  if (runs.length === 0)
    throw new UsageError('no run kept coverage', { hint: 'lab run SCENARIO --coverage   or lab coverage SCENARIO' });
  const merged = mergeRuns(runs).filter(({ name }) => options.kernel === undefined || name === options.kernel);
  if (merged.length === 0) throw new UsageError(`no run has a kernel ${options.kernel ?? ''}`);
  const kernels: ReportedKernel[] = [];
  for (const kernel of merged) {
    const symbols = !mayResolve(kernel.name) ? 'none' : options.symbols ? 'build' : 'find';
    try {
      const loaded = await interruptible(async (signal) => {
        const forget = keepsCache();
        const result = await inStage(
          `the code of ${kernel.name}`,
          (task) => loadKernel(kernel, { symbols, context: { signal, onProgress: showOn(task) } }),
          process.stderr,
        );
        forget();
        return result;
      });
      kernels.push({ ...loaded, merged: kernel });
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      const blind = [...kernel.blind.keys()];
      say(`${kernel.name} is not shown: ${[messageOf(error), ...blind].join('; ')}`);
    }
  }
  write(kernels, options);
  const seen = kernels.filter(({ merged: { runs: all } }) => all.some(({ ran }) => !ran.isEmpty));
  if (seen.length === 0) return EXIT_INFRA;
  return options.reaches === undefined ? print(kernels, options) : printReached(kernels, options.reaches, options);
}

function write(kernels: readonly ReportedKernel[], { lcov: file, html }: CoverageOptions): void {
  if (file !== undefined) writeWhole(file, lcov(kernels.map(({ merged, code }) => ({ merged, code }))));
  if (html === undefined) return;
  mkdirSync(html, { recursive: true });
  for (const { name, text } of htmlPages(kernels)) writeWhole(join(html, name), text);
  process.stderr.write(`${printable(join(html, 'index.html'))}\n`);
}

function print(kernels: readonly ReportedKernel[], { json, missed }: CoverageOptions): number {
  if (json === true) {
    const all = kernels.map(({ merged, code, noLines }) => ({
      name: merged.name,
      sha256: merged.sha256,
      runs: merged.runs.length,
      asFirst: merged.asFirst,
      asNext: merged.asNext,
      blind: Object.fromEntries(merged.blind),
      noLines,
      files: tally(code, merged.ran),
      missed: missedLines(code.files ?? [], merged.ran),
    }));
    process.stdout.write(`${JSON.stringify({ schema: 1, kernels: all }, null, 2)}\n`);
    return 0;
  }
  const text = kernels.map((kernel) => headText(kernel) + (missed === true ? missedText(kernel) : tableText(kernel)));
  process.stdout.write(text.join('\n'));
  return 0;
}

/** @returns the exit status */
function printReached(kernels: readonly ReportedKernel[], { file, line }: Place, { json }: CoverageOptions): number {
  const answers = kernels.map((kernel) => ({ kernel, found: reachedBy(kernel.code, kernel.merged, file, line) }));
  const reached = answers.some(({ found }) => found.kind === 'code' && found.runs.size > 0);
  if (json === true) {
    const all = answers.map(({ kernel: { merged }, found }) => ({
      kernel: merged.name,
      ...found,
      ...(found.kind === 'code' ? { runs: Object.fromEntries(found.runs) } : {}),
    }));
    process.stdout.write(`${JSON.stringify({ schema: 1, file, line, reached, kernels: all }, null, 2)}\n`);
    return reached ? 0 : 1;
  }
  for (const { kernel, found } of answers) {
    const { name } = kernel.merged;
    const where = `${name}  ${found.kind === 'no-file' ? file : found.path}:${line}`;
    const source = found.kind === 'no-file' ? null : (kernel.textOf(found.path)?.[line - 1]?.trim() ?? null);
    process.stdout.write(`${printable(source === null ? where : `${where}  ${source}`, 200)}\n`);
    const answer =
      found.kind === 'no-file'
        ? ['no such file in its code, or no source lines']
        : found.kind === 'no-code'
          ? [`no code of its own${found.nearest === null ? '' : `; the next line with code is ${found.nearest}`}`]
          : found.runs.size === 0
            ? ['nothing reaches it']
            : [...found.runs].map(([label, times]) => `${label}${times === 1 ? '' : ` (${times} runs)`}`);
    for (const each of answer) process.stdout.write(`  ${printable(each)}\n`);
  }
  return reached ? 0 : 1;
}
