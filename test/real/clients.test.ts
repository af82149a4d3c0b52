// SPDX-License-Identifier: Apache-2.0
// Clients of every kind on real kernels: descriptors that the lab knows nothing about, and clients that misbehave. Each
// scenario comes to the verdict that it states.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { labRun, ROOT, why } from './lab.js';

const FOLDER = 'scenarios/clients';
const names = readdirSync(join(ROOT, FOLDER)).filter((name) => name.endsWith('.yaml'));

it('there are at least eight', () => {
  expect(names.length).toBeGreaterThanOrEqual(8);
});

it.each(names)('%s', async (name) => {
  const run = await labRun(join(FOLDER, name));
  expect(run.result.asExpected, why(run)).toBe(true);
  expect(run.code).toBe(0);
});
