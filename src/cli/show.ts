// SPDX-License-Identifier: Apache-2.0
// `lab show`: a run or a matrix, as it ended.
import { relative } from 'node:path';
import { Command } from 'commander';
import { explainText } from '../report/explain-text.js';
import { nightText } from '../report/night-text.js';
import { verdictText } from '../report/verdict-text.js';
import { explain } from '../repro/explain/explain.js';
import { scenarioOf, subjectOf } from '../repro/subject.js';
import { findInResults } from '../store/find.js';
import { readNight } from '../store/night.js';
import { readRun } from '../store/read-run.js';
import { interruptible } from './images.js';
import { LabError } from '../util/errors.js';

interface ShowOptions {
  results: string;
  explain?: boolean;
  symbols?: boolean;
  json?: boolean;
}

export function showCommand(): Command {
  return new Command('show')
    .description('shows a run or a matrix as it ended')
    .argument('<run>', 'its folder, its name, or a part of its name')
    .option('--explain', 'the story of a failed run: what was written, what was expected, which check said no, about which structure')
    .option('--symbols', 'with --explain: build symbols where they are not there, for file and line')
    .option('--results <dir>', 'folder of the results', 'results')
    .option('--json', 'print as JSON')
    .action(async (word: string, options: ShowOptions) => {
      const { kind, folder, name } = findInResults(options.results, word);
      const print = (data: unknown, text: () => string) => process.stdout.write(options.json ? `${JSON.stringify(data, null, 2)}\n` : text());
      const shown = relative('.', folder) || folder;
      if (kind === 'matrix') {
        const night = readNight(folder);
        print(night, () => nightText(night, shown, process.stdout));
        return;
      }
      const read = readRun(folder);
      if (read.state !== 'whole') throw new LabError(`${name} cannot be shown: ${read.why}`);
      if (options.explain) {
        const subject = await subjectOf(folder);
        const scenario = scenarioOf(subject, {}, () => null);
        await interruptible(async (context) => {
          const story = await explain({ result: read.result, scenario, folder, buildSymbols: options.symbols === true }, context);
          print(story, () => explainText(story, process.stdout));
        });
        return;
      }
      print(read.result, () => verdictText(read.result, shown, process.stdout));
    });
}
