// SPDX-License-Identifier: Apache-2.0
// What a bisection came to, for people.
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
  const name = (index: number) => printable(points[index] ?? '', 300);
  return (
    [
      printable(failureText(ends.bad)),
      '',
      ...(first.length === 1
        ? [`first bad: ${name(first[0] as number)}`]
        : [
            'first bad: one of these, of which those before the last cannot be judged',
            ...first.map((index) => `  ${name(index)}`),
          ]),
      `last good: ${name(lastGood)}`,
      '',
      table(['', 'verdict', 'point', 'seen', 'runs', 'time'], rows).trimEnd(),
      '',
      `${points.length - 1} changes, ${tried.length} points tried in ${seconds(tried.reduce((sum, each) => sum + each.ms, 0))}, of which now ${seconds(ms)}; as ${options.as}`,
      `the bad end fails in ${rateText(ends.rate)}`,
      `a good point is one without the failure in ${sure.runs} ${sure.runs === 1 ? 'run' : 'runs'}: ${Math.round(sure.confidence * 100)} % sure, were it to show in ${Math.round(sure.rate * 100)} % of runs`,
    ].join('\n') + '\n'
  );
}
