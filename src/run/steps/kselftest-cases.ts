// SPDX-License-Identifier: Apache-2.0
// Reads the cases of a kernel selftest from its output or from the kernel's log.
import type { Action } from '../../model/scenario/scenario.js';
import type { CaseOfResult } from '../../model/scenario/selftest.js';
import { parseKtap } from '../../util/text/ktap.js';

export type SelftestStep = Extract<Action, { op: 'kselftest' }>;

/** Exit status of a skipped test (KSFT_SKIP in tools/testing/selftests/kselftest.h). */
const SKIPPED = 4;
const MAX_DETAIL = 2000;

export function wholeOf(stage: SelftestStep['stage']): string {
  return stage === null ? 'whole' : `stage ${stage}`;
}

/** @param absent the kernel hands over nothing of the test */
export function ofLog(
  log: string,
  stage: SelftestStep['stage'],
  { absent }: { absent: boolean },
): { status: number; text: string } {
  const lines = log
    .split('\n')
    .filter((line) => /KHO restore (succeeded|failed)|failed to retrieve kho_test FDT/.test(line));
  const bad = lines.filter((line) => line.includes('failed'));
  if (bad.length > 0) return { status: 1, text: bad.join('\n') };
  if (absent) return { status: 1, text: 'the kernel hands no kho_test over' };
  return lines.length === 0 && stage === 2
    ? { status: 1, text: 'the kernel says nothing of a restore: nothing was handed to it' }
    : { status: 0, text: lines.join('\n') };
}

/** The cases that KTAP lists; if there are none, the whole stage by its exit status. */
export function casesOf(
  { test, stage }: Pick<SelftestStep, 'test' | 'stage'>,
  status: number | null,
  text: string,
  epoch: number,
): CaseOfResult[] {
  const { cases, bailOut } = parseKtap(text);
  const bound = (detail: string) => detail.slice(-MAX_DETAIL);
  const listed = cases.map(({ path, state, detail }): CaseOfResult => ({
    epoch,
    test,
    name: path.join('/').slice(0, 200),
    state,
    detail: state === 'pass' ? '' : bound(detail),
  }));
  const whole = wholeOf(stage);
  const ended = status === 0 ? 'pass' : status === SKIPPED ? 'skip' : 'fail';
  const reason =
    bailOut ??
    text
      .trim()
      .split('\n')
      .filter((line) => !/^(TAP|KTAP|1\.\.|# Totals)/.test(line))
      .join('\n');
  if (listed.length === 0)
    return [{ epoch, test, name: whole, state: ended, detail: bound(ended === 'pass' ? '' : reason) }];
  // A test that failed after its last result must not look as if it passed.
  return ended === 'fail' && listed.every(({ state }) => state !== 'fail')
    ? [...listed, { epoch, test, name: whole, state: 'fail', detail: bound(reason) }]
    : listed;
}
