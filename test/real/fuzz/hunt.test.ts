// SPDX-License-Identifier: Apache-2.0
// Short hunts on real kernels: one that finds a panic on damaged bytes and confirms it from three boots, and one that
// finds nothing, because each call gets the answer that the model knows.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { lab, temporary } from '../lab.js';

const summarySchema = z.looseObject({
  totals: z.looseObject({ next: z.number(), counts: z.record(z.string(), z.number()) }),
  findings: z.array(
    z.looseObject({ outcome: z.string(), title: z.string(), state: z.string(), name: z.string(), seen: z.number() }),
  ),
});

async function hunt(corpus: string, words: readonly string[]) {
  const settings = ['--corpus', corpus, '--seed', '1', '--minimise', '1', '--json'];
  const { code, stdout, stderr } = await lab(['fuzz', ...settings, ...words]);
  return { code, stderr, summary: summarySchema.parse(JSON.parse(stdout)) };
}

it('a hunt with damaged bytes finds a panic, and keeps a scenario of it', async () => {
  const corpus = temporary();
  const { code, stderr, summary } = await hunt(corpus, ['--generators', 'bytes', '--executions', '8']);
  expect(code, stderr).toBe(1);
  expect(summary.totals.next).toBe(8);
  expect(Object.keys(summary.totals.counts).join()).not.toContain('infra');
  const [finding] = summary.findings;
  expect(finding, stderr).toMatchObject({ outcome: 'panic', state: 'confirmed', seen: 3 });
  expect(finding?.title).toContain('LUO: The incoming tree failed to initialize');
  const folder = join(corpus, 'findings', finding?.name ?? '');
  expect(readFileSync(join(folder, 'scenario.yaml'), 'utf8')).toContain('place: ');
  expect(existsSync(join(folder, 'finding.json'))).toBe(true);
});

it('a hunt with sequences of calls gets the answers that the model knows', async () => {
  const { code, stderr, summary } = await hunt(temporary(), ['--generators', 'calls', '--executions', '4']);
  expect(code, stderr).toBe(0);
  expect(summary.totals.next).toBe(4);
  expect(summary.findings).toEqual([]);
});
