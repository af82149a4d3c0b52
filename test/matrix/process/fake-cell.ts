// SPDX-License-Identifier: Apache-2.0
// A process for runs without machines. The text of a task may say how the process ends in the middle of it.
import { Socket } from 'node:net';
import { z } from 'zod';
import { serveCells } from '../../../src/matrix/process/serve.js';
import { LabError } from '../../../src/util/errors.js';
import { parseJson } from '../../../src/util/json.js';
import { fakeRunner } from '../fake-runner.js';

const [diary = ''] = process.argv.slice(2);
const answers = new Socket({ fd: 3, readable: false, writable: true });
const crashSchema = z.object({
  crash: z.enum(['exit', 'kill', 'memory', 'throw', 'later', 'garbage', 'flood', 'deaf', 'full']),
});

function outOfMemory(): never {
  for (const all: unknown[] = []; ;) all.push(Array.from({ length: 1000 }, (_, n) => ({ n })));
}

function crash(how: z.infer<typeof crashSchema>['crash']): Promise<never> {
  const never = new Promise<never>(() => undefined);
  if (how === 'exit') process.exit(7);
  if (how === 'kill') process.kill(process.pid, 'SIGKILL');
  if (how === 'memory') outOfMemory();
  if (how === 'throw') throw new TypeError('x is not a function');
  if (how === 'later') setImmediate(() => Promise.reject(new TypeError('nobody caught this')));
  if (how === 'garbage') answers.write('{"kind":"attempt","attempt":{"outcome":"preserved"}}\n');
  if (how === 'flood') answers.write(Buffer.concat([Buffer.alloc(8 << 20, 'x'), Buffer.from('\n')]));
  // Answers nothing, not even the wish to stop.
  if (how === 'deaf') for (;;);
  if (how === 'full') {
    const cause = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    throw new LabError('the result cannot be written', { cause });
  }
  return never;
}

await serveCells({
  requests: process.stdin,
  answers,
  open: ({ results, worker }) => {
    const run = fakeRunner(results, worker, diary);
    return (task, signal, detail) => {
      const how = parseJson(task.text, crashSchema);
      if (how === null) return run(task, signal, detail);
      detail('about to crash');
      return crash(how.crash);
    };
  },
});
process.exit(0);
