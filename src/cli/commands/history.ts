// SPDX-License-Identifier: Apache-2.0
// `lab history`: the failures in results/ over time. Failures with the same canonical title are one bug.
import { Command, InvalidArgumentError, Option } from 'commander';
import { bugsText, bugText, runsText } from '../../report/text/history.js';
import { dateText } from '../../report/text/time.js';
import type { Bug, History, RunFilter } from '../../store/history/index.js';
import { planPruning, prune, type Pruning } from '../../store/prune.js';
import { UsageError } from '../../util/errors.js';
import { printable } from '../../util/text/escape.js';
import { nearest } from '../../util/text/nearest.js';
import { wholeNumber } from '../common/option-values.js';
import { withHistory } from '../run/with-history.js';

interface HistoryOptions {
  results: string;
  json?: boolean;
  runs?: boolean;
  nights?: boolean;
  unreadable?: boolean;
  rebuild?: boolean;
  /** The same as `rebuild`. */
  anew?: boolean;
  limit: number;
  unexpected?: boolean;
  scenario?: string;
  pair?: string;
  outcome?: string;
  since?: number;
  prune?: boolean;
  keepDays: number;
  keepNights: number;
  dryRun?: boolean;
}

export function createCommand(): Command {
  return new Command('history')
    .description(
      'lists failures by title: since when, how often, on which kernel pairs, and which are gone. ' +
        'With a title, shows one failure and its runs',
    )
    .argument('[title]', 'a failure: its title, or a part of it')
    .option('--results <dir>', 'folder of the results', 'results')
    .option('--unexpected', 'only failures that were not expected')
    .option('--runs', 'list runs, newest first')
    .option('--nights', 'list matrices, newest first')
    .option('--unreadable', 'list folders that cannot be used, and why')
    .option('--scenario <name>', 'with --runs: only this scenario')
    .option('--pair <kernels>', 'with --runs: only these kernels, such as "7.2.12 -> 7.3.4"')
    .option('--outcome <outcome>', 'with --runs: only this outcome')
    .option('--since <date>', 'with --runs: only runs since this date', date)
    .option('--limit <n>', 'with --runs, --nights or a title: at most this many', wholeNumber(0, 999_999), 20)
    .option('--rebuild', 'discard the index and build it again first')
    .addOption(new Option('--anew', 'the same as --rebuild').hideHelp())
    .option(
      '--prune',
      'remove old runs, except those that a report links to, those of the newest nights, ' +
        'and the first and last run of each failure',
    )
    .option('--keep-days <n>', 'with --prune: keep runs of the last days', wholeNumber(0, 999_999), 30)
    .option(
      '--keep-nights <n>',
      'with --prune: keep this many of the newest nights of each plan, with all their runs',
      wholeNumber(0, 999_999),
      14,
    )
    .option('--dry-run', 'with --prune: print what would be removed, and remove nothing')
    .option('--json', 'print as JSON')
    .action((title: string | undefined, options: HistoryOptions) =>
      withHistory(options.results, { rebuild: options.rebuild === true || options.anew === true }, (history) =>
        show(history, title, options),
      ),
    );
}

function date(text: string): number {
  const at = Date.parse(text);
  if (!Number.isFinite(at)) throw new InvalidArgumentError('expected a date such as 2026-11-22.');
  return at;
}

function show(history: History, title: string | undefined, options: HistoryOptions): void {
  const print = (data: unknown, text: () => string) =>
    process.stdout.write(options.json ? `${JSON.stringify(data, null, 2)}\n` : text());
  if (options.prune) {
    const plan = pruned(history, options);
    print(plan, () => pruneText(plan, options));
  } else if (options.unreadable) {
    const rows = history.unreadable();
    print(
      rows,
      () =>
        rows.map(({ name, state, why }) => `${printable(name)}  ${state}: ${printable(why, 400)}\n`).join('') ||
        'every folder can be read\n',
    );
  } else if (options.nights) {
    const nights = history.nights();
    print(
      nights,
      () =>
        nights
          .slice(0, options.limit)
          .map(
            ({ name, plan, started, ended }) =>
              `${dateText(started)}  ${printable(name)}  ${printable(plan)}${ended === null ? '  not ended' : ''}\n`,
          )
          .join('') || 'no matrices\n',
    );
  } else if (options.runs) {
    const { scenario, pair, outcome, since, limit } = options;
    const filter: RunFilter = { scenario, chain: pair, outcome, since, title };
    const runs = history.runs(filter, limit);
    print(runs, () => runsText(runs, process.stdout));
  } else if (title !== undefined) {
    const bug = bugNamed(history, title);
    const runs = history.runs({ title: bug.title }, options.limit);
    print({ ...bug, newest: runs }, () => bugText(bug, runs, process.stdout));
  } else {
    const bugs = history.bugs().filter(({ unexpected }) => !options.unexpected || unexpected > 0);
    print(bugs, () => bugsText(bugs, process.stdout));
  }
}

/** The bug with this title, or the only one that has `word` in its title. Throws a UsageError. */
function bugNamed(history: History, word: string): Bug {
  const bugs = history.bugs();
  const lower = word.toLowerCase();
  const found = bugs.filter(({ title }) => title === word);
  if (found.length === 0) found.push(...bugs.filter(({ title }) => title.toLowerCase().includes(lower)));
  const [bug] = found;
  if (found.length > 1) {
    const titles = found.slice(0, 5).map(({ title }) => `"${title}"`);
    throw new UsageError(`${found.length} failures have "${word}" in their title: ${titles.join(', ')}`, {
      hint: 'give more of the title',
    });
  }
  if (bug === undefined) {
    const near = nearest(
      word,
      bugs.map(({ title }) => title),
    );
    throw new UsageError(`no failure has "${word}" in its title`, {
      hint: near === null ? 'lab history   lists all' : `lab history "${near}"`,
    });
  }
  return bug;
}

function pruned(history: History, { results, keepDays, keepNights, dryRun }: HistoryOptions): Pruning {
  const plan = planPruning(results, history, { before: Date.now() - keepDays * 86_400_000, nights: keepNights });
  if (!dryRun) prune(results, plan);
  return plan;
}

function pruneText({ runs, nights, kept }: Pruning, { dryRun }: HistoryOptions): string {
  return (
    `${runs.length} runs and ${nights.length} nights ${dryRun ? 'would be removed' : 'are removed'}; ` +
    `of the old runs, ${kept.reports} stay for reports, ${kept.nights} for nights, ` +
    `${kept.bugs} as the first or last of a failure\n` +
    (dryRun
      ? [...nights, ...runs]
          .slice(0, 50)
          .map((name) => `  ${printable(name)}\n`)
          .join('')
      : '')
  );
}
