// SPDX-License-Identifier: Apache-2.0
// What `npm test` said at its end: its line of counts, and the tests that failed.
import { stripVTControlCharacters } from 'node:util';
import { z } from 'zod';

export const testsRow = z.object({
  passed: z.number(),
  failed: z.number(),
  skipped: z.number(),
  /** Files and names of those that failed, as vitest prints them. */
  failures: z.array(z.string()),
});
export type TestsRow = z.infer<typeof testsRow>;

const COUNTS = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm;
const FAILURE = /^ *FAIL +(\S.*)$/gm;

/** @returns null if the command ran no tests */
export function testsIn(output: string): TestsRow | null {
  const text = stripVTControlCharacters(output);
  const counts = [...text.matchAll(COUNTS)].at(-1);
  if (counts === undefined) return null;
  const [, passed, failed, skipped = '0'] = counts;
  const failures = [...new Set([...text.matchAll(FAILURE)].map(([, name = '']) => name.trim()))];
  return { passed: Number(passed), failed: Number(failed), skipped: Number(skipped), failures };
}

/** Such as `810 tests passed, 2 failed`. */
export function countsText({ passed, failed, skipped }: TestsRow): string {
  const others = [failed > 0 ? `, ${failed} failed` : '', skipped > 0 ? `, ${skipped} skipped` : ''];
  return `${passed} tests passed${others.join('')}`;
}
