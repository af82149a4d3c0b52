// SPDX-License-Identifier: Apache-2.0
// The difference between two nights, for a terminal. New failures come first.
import type { NightlyReport } from '../../store/matrix/nightly-report.js';
import { printable } from '../../util/text/escape.js';
import { type ChangeKind, CHANGES, type NightDiff } from '../night/diff.js';
import { pairText, stateText, titleOf } from '../night/pair-result.js';
import { coloursFor } from './style.js';

const HEADS: Readonly<Record<ChangeKind, string>> = {
  new: 'failed, but not before',
  flaky: 'repeats disagree, but not before',
  changed: 'changed',
  fixed: 'fixed',
  unknown: 'no longer has a verdict',
  added: 'not in the night before',
  gone: 'only in the night before',
};
const MAX_ROWS = 50;

export function diffText(
  before: Pick<NightlyReport, 'id'>,
  after: Pick<NightlyReport, 'id'>,
  { changes, same }: NightDiff,
  stream: { isTTY?: boolean },
): string {
  const colours = coloursFor(stream);
  const lines = [`${printable(before.id)} -> ${printable(after.id)}: ${counts(changes)}${same} unchanged`];
  for (const kind of CHANGES) {
    const of = changes.filter((change) => change.kind === kind);
    if (of.length === 0) continue;
    const head = `${HEADS[kind]} (${of.length})`;
    lines.push(
      '',
      kind === 'new' || kind === 'flaky' ? colours.red(head) : kind === 'fixed' ? colours.green(head) : head,
    );
    for (const { before: was, after: now } of of.slice(0, MAX_ROWS)) {
      const pairResult = now ?? was;
      if (pairResult === null) continue;
      const title = titleOf(pairResult);
      const states = [was, now].map((each) => (each === null ? '-' : stateText(each))).join(' -> ');
      lines.push(`  ${printable(pairText(pairResult))}  ${states}`);
      if (title !== null && kind !== 'gone') lines.push(`      ${printable(title, 200)}`);
    }
    if (of.length > MAX_ROWS) lines.push(`  and ${of.length - MAX_ROWS} more`);
  }
  return `${lines.join('\n')}\n`;
}

function counts(changes: NightDiff['changes']): string {
  return CHANGES.flatMap((kind) => {
    const count = changes.filter((change) => change.kind === kind).length;
    return count === 0 ? [] : [`${count} ${kind}, `];
  }).join('');
}
