// SPDX-License-Identifier: Apache-2.0
// `lab matrix --update-baseline`: the difference first, then the file.
import { createInterface } from 'node:readline/promises';
import { type Baseline, type BaselineEntry, changesOf, writeBaseline } from '../../matrix/baseline.js';
import type { PairResult } from '../../model/result/matrix.js';
import { cellText } from '../../report/live/matrix.js';
import { coloursFor } from '../../report/text/style.js';
import { printable } from '../../util/text/escape.js';

/** Asks on a terminal; elsewhere the file is written once the difference was shown. */
export async function updateBaseline(
  file: string,
  baseline: Baseline,
  pairResults: readonly PairResult[],
  stream: NodeJS.WriteStream,
): Promise<void> {
  const colours = coloursFor(stream);
  const { changes, unusable } = changesOf(baseline, pairResults);
  for (const { scenario, kernels, before, after } of changes) {
    const where = printable(`${scenario}  ${kernels}`, 300);
    if (before !== null) stream.write(colours.red(`- ${where}: ${entryText(before)}\n`));
    stream.write(colours.green(`+ ${where}: ${entryText(after)}\n`));
  }
  for (const pairResult of unusable)
    stream.write(`  ${cellText({ ...pairResult, repeat: 1 })}: ${pairResult.state}, nothing is taken from it\n`);
  if (changes.length === 0) {
    stream.write(`${printable(file)} stays as it is\n`);
    return;
  }
  if (
    process.stdin.isTTY &&
    stream.isTTY &&
    !(await agrees(`write ${changes.length} changes to ${printable(file)}? [y/N] `))
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

async function agrees(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(question)).trim());
  } finally {
    terminal.close();
  }
}
