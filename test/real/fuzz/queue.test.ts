// SPDX-License-Identifier: Apache-2.0
// A hunt whose inputs a worker runs: the same inputs, and the same answer as on one host.
import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { RedisServer } from '../../matrix/redis-server.js';
import { lab, LAB, ROOT, temporary } from '../lab.js';

const summarySchema = z.looseObject({
  totals: z.looseObject({ next: z.number(), counts: z.record(z.string(), z.number()), curve: z.array(z.unknown()) }),
  findings: z.array(z.looseObject({ state: z.string(), seen: z.number() })),
});

async function hunt(words: readonly string[]) {
  const settings = ['--corpus', temporary(), '--generators', 'bytes', '--executions', '8', '--seed', '1'];
  const { code, stdout, stderr } = await lab(['fuzz', ...settings, '--minimise', '1', '--json', ...words]);
  return { code, stderr, summary: summarySchema.parse(JSON.parse(stdout)) };
}

it('a worker runs the inputs of a hunt', async () => {
  const server = await RedisServer.start();
  const worker = spawn(process.execPath, [LAB, 'worker', '--queue', server.url], { cwd: ROOT, stdio: 'ignore' });
  try {
    const { code, stderr, summary } = await hunt(['--queue', server.url]);
    expect(code, stderr).toBe(1);
    expect(stderr).toContain('there is no LAB_QUEUE_SECRET');
    const { totals, findings } = summary;
    expect(totals.next).toBe(8);
    expect(Object.keys(totals.counts).join()).not.toContain('infra');
    expect(findings, stderr).toMatchObject([{ state: 'confirmed', seen: 3 }]);
    expect(totals.counts).toEqual((await hunt([])).summary.totals.counts);
  } finally {
    const gone = new Promise((resolve) => worker.once('exit', resolve));
    worker.kill('SIGINT');
    await gone;
    await server.stop();
  }
});
