// SPDX-License-Identifier: Apache-2.0
// `lab matrix --update-baseline`: shows the difference, then writes the file.
import { createInterface } from 'node:readline/promises';
import { type Baseline, type BaselineEntry, changesOf, writeBaseline } from '../../matrix/baseline.js';
import type { PairResult } from '../../model/result/matrix.js';
import { cellText } from '../../report/night/pair-result.js';
import { coloursFor } from '../../report/text/style.js';
import { printable } from '../../util/text/escape.js';

/** Asks before it writes, if it runs on a terminal. */
export async function updateBaseline(
  file: string,
  baseline: Baseline,
  pairResults: readonly PairResult[],
  stream: NodeJS.WriteStream,
): Promise<void> {
  const colours = coloursFor(stream);
  const { changes, unusable } = changesOf(baseline, pairResults);
  for (const { scenario, kernels, before, after } of changes) {
    const name = printable(`${scenario}  ${kernels}`, 300);
    if (before !== null) stream.write(colours.red(`- ${name}: ${entryText(before)}\n`));
    stream.write(colours.green(`+ ${name}: ${entryText(after)}\n`));
  }
  for (const pairResult of unusable)
    stream.write(`  ${cellText({ ...pairResult, repeat: 1 })}: ${pairResult.state}, so the baseline does not change\n`);
  if (changes.length === 0) {
    stream.write(`${printable(file)} does not change\n`);
    return;
  }
  if (
    process.stdin.isTTY &&
    stream.isTTY &&
    !(await confirm(`write ${changes.length} changes to ${printable(file)}? [y/N] `))
  ) {
    stream.write('not written\n');
    return;
  }
  writeBaseline(file, baseline, changes);
  stream.write(`${changes.length} changes written to ${printable(file)}\n`);
}

function entryText({ outcome, endsIn }: BaselineEntry): string {
  return endsIn === null ? outcome : `${outcome}, ends in ${endsIn}`;
}

async function confirm(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(question)).trim());
  } finally {
    terminal.close();
  }
}
