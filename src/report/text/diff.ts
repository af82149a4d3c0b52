// SPDX-License-Identifier: Apache-2.0
// Two nights for a terminal: what is new comes first.
import type { NightlyReport } from '../../store/matrix/nightly-report.js';
import { printable } from '../../util/text/escape.js';
import { type ChangeKind, CHANGES, type NightDiff } from '../night/diff.js';
import { chainText, scenarioName, stateText, titleOf } from '../night/pair-result.js';
import { coloursFor } from './style.js';

const HEADS: Readonly<Record<ChangeKind, string>> = {
  new: 'failed, and had not',
  flaky: 'repeats disagree, and had not',
  changed: 'changed',
  fixed: 'fixed',
  unknown: 'no verdict any more',
  added: 'not in the night before',
  gone: 'only in the night before',
};
const MOST = 50;

export function diffText(
  before: Pick<NightlyReport, 'id'>,
  after: Pick<NightlyReport, 'id'>,
  { changes, same }: NightDiff,
  stream: { isTTY?: boolean },
): string {
  const colours = coloursFor(stream);
  const lines = [`${printable(before.id)} -> ${printable(after.id)}: ${counts(changes)}${same} as they were`];
  for (const kind of CHANGES) {
    const of = changes.filter((change) => change.kind === kind);
    if (of.length === 0) continue;
    const head = `${HEADS[kind]} (${of.length})`;
    lines.push(
      '',
      kind === 'new' || kind === 'flaky' ? colours.red(head) : kind === 'fixed' ? colours.green(head) : head,
    );
    for (const { before: was, after: now } of of.slice(0, MOST)) {
      const pairResult = now ?? was;
      if (pairResult === null) continue;
      const title = titleOf(pairResult);
      lines.push(
        `  ${printable(chainText(pairResult.kernels))}  ${printable(scenarioName(pairResult.scenario))}  ${[was, now].map((each) => (each === null ? '-' : stateText(each))).join(' -> ')}`,
      );
      if (title !== null && kind !== 'gone') lines.push(`      ${printable(title, 200)}`);
    }
    if (of.length > MOST) lines.push(`  and ${of.length - MOST} more`);
  }
  return `${lines.join('\n')}\n`;
}

function counts(changes: NightDiff['changes']): string {
  return CHANGES.flatMap((kind) => {
    const count = changes.filter((change) => change.kind === kind).length;
    return count === 0 ? [] : [`${count} ${kind}, `];
  }).join('');
}
