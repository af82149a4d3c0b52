// SPDX-License-Identifier: Apache-2.0
// `lab show`: shows a run or a matrix as it ended.
import { relative } from 'node:path';
import { Command } from 'commander';
import type { ImageContext } from '../../images/index.js';
import type { Explanation } from '../../model/result/explanation.js';
import { explainText } from '../../report/text/explain.js';
import { nightText } from '../../report/text/night.js';
import { inStage } from '../../report/live/progress.js';
import { verdictText } from '../../report/text/verdict.js';
import { explain } from '../../repro/explain/explain.js';
import { scenarioOf, subjectOf } from '../../repro/rerun/subject.js';
import { findInResults } from '../../store/find.js';
import { nightlyReportJson, readNightlyReport } from '../../store/matrix/nightly-report.js';
import { showOn } from '../common/show-progress.js';
import { withContext } from '../common/interrupt.js';
import { RUN_ARGUMENT, isBundle, type OpenRun, type RunOptions, withRun, withRunOptions } from '../run/open-run.js';

interface ShowOptions extends RunOptions {
  explain?: boolean;
  symbols?: boolean;
  json?: boolean;
}

export function createCommand(): Command {
  const command = new Command('show')
    .description('shows a run or a matrix as it ended')
    .argument('<run>', `${RUN_ARGUMENT}; or a matrix`)
    .option(
      '--explain',
      'explain a failed run: what was written, what was expected, which check failed, on which structure',
    )
    .option('--symbols', 'with --explain: build missing symbols, for file and line');
  return withRunOptions(command)
    .option('--json', 'print as JSON')
    .action(async (word: string, options: ShowOptions) => {
      const print = (data: unknown, text: () => string) =>
        process.stdout.write(options.json ? `${JSON.stringify(data, null, 2)}\n` : text());
      const pathOf = (folder: string) => relative('.', folder) || folder;
      const found = isBundle(word) ? null : findInResults(options.results, word);
      if (found?.kind === 'matrix') {
        const night = readNightlyReport(found.folder);
        print(nightlyReportJson(night), () => nightText(night, pathOf(found.folder), process.stdout));
        return;
      }
      await withRun(word, options, async (run) => {
        if (!options.explain)
          print(run.result, () =>
            verdictText(run.result, run.bundled === null ? pathOf(run.folder) : word, process.stdout),
          );
        else
          await withContext(async (context) => {
            const story = options.symbols
              ? await inStage(
                  'symbols',
                  (task) => explained(run, { buildSymbols: true }, { ...context, onProgress: showOn(task) }),
                  process.stderr,
                )
              : await explained(run, { buildSymbols: false }, context);
            print(story, () => explainText(story, process.stdout));
          });
      });
    });
}

async function explained(
  { name, folder, result, bundled, mayResolveKernel, trust }: OpenRun,
  { buildSymbols }: { buildSymbols: boolean },
  context: ImageContext,
): Promise<Explanation> {
  const scenario = scenarioOf(await subjectOf(folder, result, { bundled, trust }), {}, () => null);
  return explain({ name, result, scenario, folder, mayResolveKernel, buildSymbols }, context);
}
