// SPDX-License-Identifier: Apache-2.0
// Cases that the lab once judged wrongly, on real kernels: each comes to the verdict that it states. Those tagged
// `large` need a host of their own: LAB_LARGE=1 runs them, too.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { labRun, ROOT, why } from './lab.js';

const FOLDER = join(ROOT, 'scenarios/cases');

const names = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.yaml'))
  .filter((name) => {
    const { tags = [] } = parse(readFileSync(join(FOLDER, name), 'utf8')) as { tags?: string[] };
    return process.env['LAB_LARGE'] === '1' || !tags.includes('large');
  });

it.each(names)('%s', async (name) => {
  const run = await labRun(join('scenarios/cases', name));
  expect(run.result.asExpected, why(run)).toBe(true);
  expect(run.code).toBe(0);
});
