// SPDX-License-Identifier: Apache-2.0
// A hunt whose inputs a worker runs: each has the answers that the model knows, and shows which code it reached.
import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { RedisServer } from '../../matrix/redis-server.js';
import { lab, LAB, ROOT, temporary } from '../lab.js';

const summarySchema = z.looseObject({
  totals: z.looseObject({
    next: z.number(),
    counts: z.record(z.string(), z.number()),
    curve: z.array(z.looseObject({ reached: z.number() })),
  }),
  findings: z.array(z.unknown()),
});
const SETTINGS = ['--generators', 'calls', '--executions', '4', '--seed', '1', '--json'];

it('a worker runs the inputs of a hunt', async () => {
  const server = await RedisServer.start();
  const worker = spawn(process.execPath, [LAB, 'worker', '--queue', server.url], { cwd: ROOT, stdio: 'ignore' });
  try {
    const { code, stdout, stderr } = await lab(['fuzz', ...SETTINGS, '--corpus', temporary(), '--queue', server.url]);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('there is no LAB_QUEUE_SECRET');
    const { totals, findings } = summarySchema.parse(JSON.parse(stdout));
    expect(totals.next).toBe(4);
    expect(Object.keys(totals.counts).join(), stderr).not.toContain('infra');
    expect(totals.curve.at(-1)?.reached).toBeGreaterThan(100);
    expect(findings).toEqual([]);
  } finally {
    const gone = new Promise((resolve) => worker.once('exit', resolve));
    worker.kill('SIGINT');
    await gone;
    await server.stop();
  }
});
