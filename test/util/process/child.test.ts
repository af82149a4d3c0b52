// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CannotStart, startChild } from '../../../src/util/process/child.js';
import { programOf } from '../program.js';
import { temporaryFolder, until } from '../temporary.js';

const QUIET = ['ignore', 'ignore', 'ignore'] as const;

/** Does the process run? A zombie does not. */
function runs(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/**
 * Kills a lab that has one child, with SIGKILL.
 * @returns the child's process id
 */
async function orphan(tie: string): Promise<number> {
  const [node, holder] = await programOf(join(import.meta.dirname, 'child-holder.ts'));
  const lab = spawn(node, [holder, tie], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(lab.stdout, 'data')) as [Buffer];
  const pid = Number(line.toString());
  onTestFinished(() => {
    if (runs(pid)) process.kill(pid, 'SIGKILL');
  });
  // setpriv is done when it has become the program.
  await until('it is the program', () => readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('sleep'));
  lab.kill('SIGKILL');
  await once(lab, 'exit');
  return pid;
}

describe('a child', () => {
  it('that is tied to the lab is gone when the lab is killed', async () => {
    const pid = await orphan('dies-with-lab');
    await until('the child is gone', () => !runs(pid));
  });

  it('that is not tied keeps running', async () => {
    expect(runs(await orphan('none'))).toBe(true);
  });

  it('ends with its exit code or its signal', async () => {
    const ended = (script: string) => startChild(['sh', '-c', script], { stdio: [...QUIET], tie: 'none' }).ended;
    expect(await ended('exit 7')).toEqual({ code: 7, signal: null });
    expect(await ended('kill -TERM $$')).toEqual({ code: null, signal: 'SIGTERM' });
  });

  it('that cannot be started is an error', async () => {
    const child = startChild(['no-such-program'], { stdio: [...QUIET], tie: 'none' });
    expect(child.pid).toBeUndefined();
    await expect(child.ended).rejects.toThrow(CannotStart);
    await expect(child.ended).rejects.toThrow('cannot run no-such-program: spawn no-such-program ENOENT');
  });

  it('gets the signal that its caller chose, and ends with the reason of the abort', async () => {
    const stop = new AbortController();
    const child = startChild(
      ['sh', '-c', 'trap "echo interrupted; exit 0" INT; echo up; while :; do sleep 0.02; done'],
      { stdio: ['ignore', 'pipe', 'ignore'], tie: 'none', signal: stop.signal, killSignal: 'SIGINT' },
    );
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text === 'up\n') stop.abort(new Error('enough'));
    });
    await expect(child.ended).rejects.toThrow('enough');
    expect(text).toBe('up\ninterrupted\n');
  });

  it('gets only the given environment, and every given descriptor', async () => {
    const path = join(temporaryFolder(), 'out');
    const fds = Array.from({ length: 20 }, () => openSync(path, 'a'));
    process.env['LAB_SECRET_OF_TEST'] = '1';
    const child = startChild(['sh', '-c', 'echo "[$LAB_SECRET_OF_TEST][$GIVEN]" >&3'], {
      stdio: [...QUIET, fds.at(-1) ?? 0],
      tie: 'none',
      env: { PATH: process.env['PATH'], GIVEN: 'yes' },
    });
    await child.ended;
    delete process.env['LAB_SECRET_OF_TEST'];
    expect(readFileSync(path, 'utf8')).toBe('[][yes]\n');
  });
});
