// SPDX-License-Identifier: Apache-2.0
// `lab images available`: versions that could be built.
import type { Command } from 'commander';
import { type Available, definitionText, listAvailable } from '../../images/index.js';
import { printable } from '../../util/text/escape.js';
import { withContext } from '../common/interrupt.js';
import { table } from '../text/table.js';

interface Options {
  suite: string[];
  git?: string;
  folder?: string;
  all?: boolean;
  json?: boolean;
}

export function addAvailableCommand(command: Command): void {
  command
    .command('available')
    .description('lists kernel versions that have no definition yet')
    .option('--suite <name...>', 'ask these suites of Debian, besides those that definitions name', [])
    .option('--git <tree>', 'ask the tags of a git tree')
    .option('--folder <folder>', 'ask the tarballs linux-VERSION.tar.* in a folder')
    .option('--all', 'list versions with a definition, too')
    .option('--json', 'print as JSON')
    .action((options: Options) =>
      withContext(async (context) => {
        const { suite: suites, git = null, folder = null } = options;
        const found = await listAvailable({ suites, git, folder }, context);
        const kernels = found.kernels.filter(({ definition }) => options.all === true || definition === null);
        const shown = { ...found, kernels };
        process.stdout.write(options.json === true ? `${JSON.stringify(shown, null, 2)}\n` : availableText(shown));
      }),
    );
}

/** Ends with the definition of the newest version that has none. */
export function availableText({ kernels, problems }: Available): string {
  const rows = kernels.map(({ version, offers, definition }) => [
    version,
    definition ?? '-',
    printable([...new Set(offers.map(({ where }) => where))].join(', ')),
  ]);
  const missing = problems.map((problem) => `not asked: ${printable(problem)}\n`).join('');
  if (kernels.length === 0) return `every version there has a definition\n${missing}`;
  const newest = kernels.findLast(({ definition }) => definition === null);
  const example = newest === undefined ? '' : `\nDefinition of ${newest.version}:\n\n${definitionText(newest)}`;
  return table(['VERSION', 'DEFINITION', 'WHERE'], rows) + missing + example;
}
