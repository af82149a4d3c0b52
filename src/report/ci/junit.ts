// SPDX-License-Identifier: Apache-2.0
// JUnit XML as Jenkins and GitLab read it: a suite a kernel pair, a case a scenario. GitLab drops a case whose classname and name another one has.
import builderOf from 'junit-report-builder';
import type { Square } from '../../model/matrix.js';
import { printable } from '../../util/escape.js';
import type { Night } from '../../store/night.js';
import { againCommand, chainText, expectedText, hasVerdict, scenarioName, stateText, titleOf } from '../square.js';

/** What of a run's evidence goes with a failure, bounded; null where the run is gone. */
export type DetailOf = (run: string) => string | null;

export function junit(night: Night, detailOf: DetailOf): string {
  // Its types promise a module with a default; what Node imports is the builder itself.
  const builder = (builderOf as unknown as typeof builderOf.default).newBuilder();
  for (const [chain, squares] of byChain(night.squares)) {
    const suite = builder.testSuite().name(printable(chain)).timestamp(night.startedAt).property('matrix', printable(night.id)).property('lab', printable(night.labVersion));
    for (const square of squares) {
      const of = suite.testCase().className(printable(`liveupdate.${chain}`)).name(printable(scenarioName(square.scenario))).time(square.attempts.reduce((sum, { ms }) => sum + ms, 0) / 1000);
      if (square.asExpected) continue;
      const text = bodyOf(square, detailOf);
      const message = printable(`${stateText(square)}, expected ${expectedText(square)}`);
      if (square.state === 'pending') of.skipped();
      else if (hasVerdict(square)) of.failure(message, square.state).stacktrace(text);
      else of.error(message, square.state, text);
    }
  }
  return `${builder.build()}\n`;
}

function bodyOf(square: Square, detailOf: DetailOf): string {
  const runs = square.attempts.flatMap(({ run, outcome, title }) => [`${outcome}: ${title ?? 'no title'}${run === null ? '' : `  (${run})`}`]);
  const details = square.attempts.flatMap(({ run, asExpected }) => (run === null || asExpected ? [] : (detailOf(run) ?? '').split('\n'))).filter((row) => row !== '').slice(0, 60);
  return [titleOf(square) ?? stateText(square), ...runs, ...details, `again: ${againCommand(square)}`].map((row) => printable(row, 400)).join('\n')
    // The builder writes it as CDATA, as it is: nothing may end that.
    .replaceAll(']]>', ']] >');
}

/** In the order in which they first come. */
export function byChain(squares: readonly Square[]): Map<string, Square[]> {
  const groups = new Map<string, Square[]>();
  for (const square of squares) {
    const chain = chainText(square.kernels);
    const group = groups.get(chain);
    if (group === undefined) groups.set(chain, [square]);
    else group.push(square);
  }
  return groups;
}
