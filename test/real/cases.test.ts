// SPDX-License-Identifier: Apache-2.0
// Cases that the lab once judged wrongly, and clients of every kind, on real kernels: each comes to the verdict that it
// states. Those tagged `large` need a host of their own: LAB_LARGE=1 runs them, too.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { labRun, ROOT, why } from './lab.js';

const FOLDERS = ['scenarios/cases', 'scenarios/clients'];

const names = FOLDERS.flatMap((folder) => readdirSync(join(ROOT, folder)).map((name) => join(folder, name)))
  .filter((name) => name.endsWith('.yaml'))
  .filter((name) => {
    const { tags = [] } = parse(readFileSync(join(ROOT, name), 'utf8')) as { tags?: string[] };
    return process.env['LAB_LARGE'] === '1' || !tags.includes('large');
  });

it('there are at least eight scenarios of clients', () => {
  expect(names.filter((name) => name.startsWith('scenarios/clients')).length).toBeGreaterThanOrEqual(8);
});

it.each(names)('%s', async (name) => {
  const run = await labRun(name);
  expect(run.result.asExpected, why(run)).toBe(true);
  expect(run.code).toBe(0);
});
