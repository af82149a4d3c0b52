// SPDX-License-Identifier: Apache-2.0
// `lab show`: a run or a matrix, as it ended.
import { relative } from 'node:path';
import { Command } from 'commander';
import { nightText } from '../report/night-text.js';
import { verdictText } from '../report/verdict-text.js';
import { findInResults } from '../store/find.js';
import { readNight } from '../store/night.js';
import { readRun } from '../store/read-run.js';
import { LabError } from '../util/errors.js';

export function showCommand(): Command {
  return new Command('show')
    .description('shows a run or a matrix as it ended')
    .argument('<run>', 'its folder, its name, or a part of its name')
    .option('--results <dir>', 'folder of the results', 'results')
    .option('--json', 'print as JSON')
    .action((word: string, options: { results: string; json?: boolean }) => {
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
      print(read.result, () => verdictText(read.result, shown, process.stdout));
    });
}
