// SPDX-License-Identifier: Apache-2.0
// A patch series on the source of a real kernel. What happens to updates: `lab try
// test/real/support/series/rollback.mbox`, which builds three kernels (docs/try.md).
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { lab, ROOT } from '../lab.js';

const dir = mkdtempSync(join(tmpdir(), 'lab-try-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('a series that does not apply: the patch and the hunk are named, and nothing is built or run', async () => {
  const series = readFileSync(join(ROOT, 'test/real/support/series/rollback.mbox'), 'utf8');
  // A line beside the change of the second patch, as another kernel has it.
  const other = series.replace(/^ #define LUO_KHO_ENTRY_NAME\t"LUO"$/m, ' #define LUO_KHO_ENTRY_NAME\t"OLU"');
  expect(other).not.toBe(series);
  writeFileSync(join(dir, 'series.mbox'), other);
  const results = join(dir, 'results');
  const { code, stdout } = await lab(['try', join(dir, 'series.mbox'), '--base', '7.3.4', '--results', results]);
  expect(code, stdout).toBe(2);
  expect(stdout).toMatch(/The series does not apply\. Nothing was built\./);
  expect(stdout).toMatch(/Patch 2\/3 "liveupdate: write the LUO state in version 6" does not apply:/);
  expect(stdout).toMatch(/hunk \d of include\/linux\/kho\/abi\/luo\.h/);
  expect(readdirSync(dir)).toEqual(['series.mbox']);
});
