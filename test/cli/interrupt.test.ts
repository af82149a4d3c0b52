// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { until } from '../util/temporary.js';

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('a second %s ends a lab that does not stop, and its child', async (signal, status) => {
  const child = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'interrupt-process.ts')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  await until('the start', () => output.includes('child '));
  const childPid = Number(/child (\d+)/.exec(output)?.[1]);
  child.kill(signal);
  await until('the first signal', () => output.includes('heard'));
  expect(child.exitCode).toBeNull();
  child.kill(signal);
  expect(await exit).toBe(status);
  expect(errors).toContain('ended at once');
  await until('the end of the child', () => !existsSync(`/proc/${childPid}`));
});
