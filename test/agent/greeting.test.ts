// SPDX-License-Identifier: Apache-2.0
// An agent that init starts tells init first that it has started, and then the lab that it is there.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compile } from './agent-process.js';

let built: ReturnType<typeof compile>;
beforeAll(() => {
  built = compile('agent');
});
afterAll(() => built.remove());

it('closes the pipe to init, greets the lab, and then serves it', async () => {
  const agent = spawn(built.program, ['greet'], { stdio: ['pipe', 'pipe', 'inherit', 'pipe'] });
  const [input, output, , pipe] = agent.stdio;
  const started = pipe as Readable;
  if (input === null || output === null) throw new Error('the agent has no pipes');
  started.resume();
  let text = '';
  output.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await once(started, 'end');
  while (!text.endsWith('\n')) await once(output, 'data');
  expect(text).toBe('{"agent":1}\n');
  input.write('1 hello\n');
  while (!text.includes('"ok":true')) await once(output, 'data');
  input.end();
  expect(await once(agent, 'exit')).toEqual([0, null]);
});

it('says nothing of itself to others', async () => {
  const agent = spawn(built.program, { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  agent.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  agent.stdin.end('1 hello\n');
  await once(agent, 'close');
  expect(text).toMatch(/^\{"id":1,/);
});
