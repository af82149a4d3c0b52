// SPDX-License-Identifier: Apache-2.0
// The history of a results folder for one command: opened up to date, what is wrong with it said once, closed again.
import { existsSync } from 'node:fs';
import { History } from '../../store/history/index.js';
import { LabError, messageOf, UsageError } from '../../util/errors.js';
import { printable } from '../../util/text/escape.js';
import { startClock } from '../../util/clock.js';

const MOST_SAID = 5;
const SAY_AFTER_MS = 2000;

export async function withHistory<T>(
  results: string,
  anew: boolean,
  body: (history: History) => T | Promise<T>,
): Promise<T> {
  demandFolder(results);
  const clock = startClock();
  let said = 0;
  const history = await History.open(results, {
    anew,
    onFolder: (done, of) => {
      if (clock.now() < said + SAY_AFTER_MS) return;
      said = clock.now();
      process.stderr.write(`index: ${done} of ${of} folders\n`);
    },
  });
  try {
    sayProblems(history);
    return await body(history);
  } finally {
    history.close();
  }
}

/**
 * As withHistory, but goes on without one where there is none to be had: what it would have told is missing, and that
 * is said.
 */
export async function withHistoryIfAny<T>(
  results: string,
  body: (history: History | null, note: string | null) => T | Promise<T>,
): Promise<T> {
  let history: History;
  try {
    history = await History.open(results);
  } catch (error) {
    const note = `there is no history: ${messageOf(error)}${error instanceof LabError && error.hint !== null ? `; try: ${error.hint}` : ''}`;
    process.stderr.write(`lab: ${printable(note, 400)}\n`);
    return body(null, note);
  }
  try {
    sayProblems(history, 0);
    return await body(history, null);
  } finally {
    history.close();
  }
}

export function demandFolder(results: string): void {
  if (!existsSync(results))
    throw new UsageError(`there is no folder ${results}`, {
      hint: 'name the folder that runs were written to with --results DIR',
    });
}

function sayProblems(history: History, most = MOST_SAID): void {
  const say = (text: string) => process.stderr.write(`lab: ${printable(text, 400)}\n`);
  if (history.note !== null) say(history.note);
  const bad = history.unreadable();
  for (const { name, why } of bad.slice(0, most)) say(`${name} is left out: ${why}`);
  if (bad.length > most)
    say(
      `${bad.length - most}${most > 0 ? ' more' : ''} ${bad.length - most === 1 ? 'folder is' : 'folders are'} left out of the history: lab history --unreadable names them`,
    );
  const { fromTheFuture } = history.count(Date.now());
  if (fromTheFuture > 0)
    say(
      `${fromTheFuture} runs are stamped later than now: a clock was ahead, or this one is behind; their order may be wrong`,
    );
}
