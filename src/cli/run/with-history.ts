// SPDX-License-Identifier: Apache-2.0
// Opens the history of a results folder for one command: updates it, reports its problems once, and closes it.
import { existsSync } from 'node:fs';
import { History } from '../../store/history/index.js';
import { LabError, messageOf, UsageError } from '../../util/errors.js';
import { printable } from '../../util/text/escape.js';
import { startClock } from '../../util/clock.js';

const MAX_PROBLEMS = 5;
const PROGRESS_MS = 2000;

export async function withHistory<T>(
  results: string,
  { rebuild }: { rebuild: boolean },
  body: (history: History) => T | Promise<T>,
): Promise<T> {
  requireFolder(results);
  const clock = startClock();
  let shownAt = 0;
  const history = await History.open(results, {
    rebuild,
    onFolder: (done, of) => {
      if (clock.now() < shownAt + PROGRESS_MS) return;
      shownAt = clock.now();
      process.stderr.write(`index: ${done} of ${of} folders\n`);
    },
  });
  try {
    reportProblems(history, MAX_PROBLEMS);
    return await body(history);
  } finally {
    history.close();
  }
}

/**
 * Like withHistory, but continues without a history if it cannot be opened. `body` then gets a note about what is
 * missing.
 */
export async function withHistoryIfAny<T>(
  results: string,
  body: (history: History | null, note: string | null) => T | Promise<T>,
): Promise<T> {
  let history: History;
  try {
    history = await History.open(results);
  } catch (error) {
    const hint = error instanceof LabError && error.hint !== null ? `; try: ${error.hint}` : '';
    const note = `there is no history: ${messageOf(error)}${hint}`;
    process.stderr.write(`lab: ${printable(note, 400)}\n`);
    return body(null, note);
  }
  try {
    reportProblems(history, 0);
    return await body(history, null);
  } finally {
    history.close();
  }
}

export function requireFolder(results: string): void {
  if (!existsSync(results))
    throw new UsageError(`there is no folder ${results}`, {
      hint: 'give the folder that holds the runs with --results DIR',
    });
}

function reportProblems(history: History, max: number): void {
  const report = (text: string) => process.stderr.write(`lab: ${printable(text, 400)}\n`);
  if (history.note !== null) report(history.note);
  const bad = history.unreadable();
  for (const { name, why } of bad.slice(0, max)) report(`${name} is left out: ${why}`);
  const others = bad.length - max;
  if (others > 0)
    report(
      `${others}${max > 0 ? ' more' : ''} ${others === 1 ? 'folder is' : 'folders are'} left out of the history: ` +
        'lab history --unreadable lists them',
    );
  const { fromTheFuture } = history.count(Date.now());
  if (fromTheFuture > 0)
    report(
      `${fromTheFuture} runs have a time stamp in the future: a clock was ahead, or this one is behind; ` +
        'their order may be wrong',
    );
}
