// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { programOf } from '../util/program.js';
import { until } from '../util/temporary.js';

interface Started {
  child: ReturnType<typeof spawn>;
  exit: Promise<number | null>;
  said: { output: string; errors: string };
  childPid: number;
}

async function start(env: Record<string, string> = {}, ...words: string[]): Promise<Started> {
  const [node, program] = await programOf(join(import.meta.dirname, 'interrupt-process.ts'));
  const child = spawn(node, [program, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const said = { output: '', errors: '' };
  child.stdout.on('data', (chunk: Buffer) => (said.output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said.errors += chunk.toString()));
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  await until('the start', () => said.output.includes('child '));
  return { child, exit, said, childPid: Number(/child (\d+)/.exec(said.output)?.[1]) };
}

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('a second %s ends a lab that does not stop, and its child', async (signal, status) => {
  const { child, exit, said, childPid } = await start();
  child.kill(signal);
  await until('the first signal', () => said.output.includes('heard'));
  expect(child.exitCode).toBeNull();
  child.kill(signal);
  expect(await exit).toBe(status);
  expect(said.errors).toContain('ended at once');
  await until('the end of the child', () => !existsSync(`/proc/${childPid}`));
});

// At once: each waits three seconds for a lab that does not stop.
it.concurrent.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)('one %s is enough for a lab that does not stop, and says what is kept', async (signal, status) => {
  const { child, exit, said, childPid } = await start();
  const sent = performance.now();
  child.kill(signal);
  expect(await exit).toBe(status);
  expect(performance.now() - sent).toBeLessThan(5000);
  expect(said.errors).toBe(
    'lab: not everything had ended in time, so it was killed\n' +
      `lab: interrupted by ${signal}; nothing is left behind\n` +
      'kept: 3 of 4 cells; to go on: lab matrix --resume\n',
  );
  await until('the end of the child', () => !existsSync(`/proc/${childPid}`));
});

it('ends at once where nothing has to end in order', async () => {
  const { child, exit, said, childPid } = await start({}, 'idle');
  child.kill('SIGINT');
  expect(await exit).toBe(130);
  expect(said.errors).toBe(
    'lab: interrupted by SIGINT; nothing is left behind\nkept: 3 of 4 cells; to go on: lab matrix --resume\n',
  );
  await until('the end of the child', () => !existsSync(`/proc/${childPid}`));
});

it('takes a signal that came directly and was passed on as well for one', async () => {
  const { child, exit, said } = await start({ LAB_STARTED_AGAIN: '1' });
  const sent = performance.now();
  child.kill('SIGINT');
  child.kill('SIGTERM');
  await until('the first signal', () => said.output.includes('heard'));
  // After that time another signal is a second one.
  await until('the echo to be over', () => performance.now() - sent > 700);
  expect([child.exitCode, said.errors]).toEqual([null, '']);
  child.kill('SIGTERM');
  expect(await exit).toBe(143);
});
