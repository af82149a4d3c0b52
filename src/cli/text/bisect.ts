// SPDX-License-Identifier: Apache-2.0
// The report of `lab bisect` as text.
import { seconds } from '../../report/text/style.js';
import type { Axis } from '../../repro/bisect/axis.js';
import type { Bisected } from '../../repro/bisect/bisect.js';
import { Judge } from '../../repro/bisect/judge.js';
import { failureText } from '../../repro/rerun/failure.js';
import { rateText } from '../../repro/rerun/confidence.js';
import { printable } from '../../util/text/escape.js';
import { table } from './table.js';

export function bisectText(
  { ends, first, lastGood, tried }: Bisected,
  { points }: Axis,
  options: { confidence: number; as: string },
  ms: number,
): string {
  const sure = Judge.sureness(ends, options.confidence / 100);
  const rows = tried.map(({ index, verdict, why, runs, ms: took }) => [
    String(index),
    verdict,
    points[index] ?? '',
    why,
    String(runs),
    seconds(took),
  ]);
  const totalMs = tried.reduce((sum, each) => sum + each.ms, 0);
  const name = (index: number) => printable(points[index] ?? '', 300);
  return (
    [
      printable(failureText(ends.bad)),
      '',
      ...(first.length === 1
        ? [`first bad: ${name(first[0] as number)}`]
        : ['first bad: one of these; all but the last cannot be judged', ...first.map((index) => `  ${name(index)}`)]),
      `last good: ${name(lastGood)}`,
      '',
      table(['', 'verdict', 'point', 'seen', 'runs', 'time'], rows).trimEnd(),
      '',
      `${points.length - 1} changes, ${tried.length} points tried in ${seconds(totalMs)} ` +
        `(${seconds(ms)} of it now); varied: ${options.as}`,
      `the bad end fails in ${rateText(ends.rate)}`,
      `a good point did not fail in ${sure.runs} ${sure.runs === 1 ? 'run' : 'runs'}: ` +
        `${Math.round(sure.confidence * 100)} % sure, if a bad one fails in ${Math.round(sure.rate * 100)} % of runs`,
    ].join('\n') + '\n'
  );
}
