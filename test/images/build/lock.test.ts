// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runCommand } from '../../../src/util/process/command.js';
import { acquireLock, tryExistingLock, tryLock } from '../../../src/util/process/lock.js';
import { programOf } from '../../util/program.js';
import { temporaryFolder } from '../folder.js';

const [NODE, HOLDER] = await programOf(join(import.meta.dirname, 'holder.ts'));

/** Another process of the lab, killed at the end of the test at the latest. */
function other(...args: string[]) {
  const child = spawn(NODE, [HOLDER, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const said = new Promise<string>((resolve) =>
    child.stdout.once('data', (data: Buffer) => resolve(data.toString().trim())),
  );
  return { child, said, gone: new Promise<void>((resolve) => child.once('exit', () => resolve())) };
}

function alive(pid: number): boolean {
  try {
    // A zombie counts as gone.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function until(what: () => boolean, ms = 5000): Promise<void> {
  for (const end = Date.now() + ms; !what();) {
    if (Date.now() > end) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('locks', () => {
  it.each<[string, (path: string) => void]>([
    ['a pipe', (path) => execFileSync('mkfifo', [path])],
    ['a folder', (path) => mkdirSync(path)],
    ['a device', (path) => symlinkSync('/dev/zero', path)],
  ])('are regular files: %s is refused, and nobody waits', async (_, make) => {
    const path = join(temporaryFolder(), 'lock');
    make(path);
    const why = `${path} is no lock file: `;
    await expect(acquireLock(path)).rejects.toThrow(why);
    await expect(tryLock(path)).rejects.toThrow(why);
    expect(await tryExistingLock(path, 'shared')).toBeNull();
  });

  it('have one holder at a time, and tell the one who waits', async () => {
    const path = join(temporaryFolder(), 'locks/a');
    const first = await acquireLock(path);
    let waits = 0;
    let got = false;
    const second = acquireLock(path, { onWait: () => waits++ }).then((lock) => {
      got = true;
      return lock;
    });
    await until(() => waits === 1);
    expect(got).toBe(false);
    first.release();
    (await second).release();
  });

  it('stop waiting when they are cancelled', async () => {
    const path = join(temporaryFolder(), 'a');
    const first = await acquireLock(path);
    const controller = new AbortController();
    const second = acquireLock(path, {
      signal: controller.signal,
      onWait: () => controller.abort(new Error('enough')),
    });
    await expect(second).rejects.toThrow('enough');
    first.release();
  });

  it('are lost when their file is deleted', async () => {
    const path = join(temporaryFolder(), 'a');
    const first = await acquireLock(path);
    let waits = 0;
    const second = acquireLock(path, { onWait: () => waits++ });
    await until(() => waits === 1);
    rmSync(path);
    first.release();
    const lock = await second;
    expect(existsSync(path)).toBe(true);
    lock.release();
  });

  it('are free again when the holder was killed, but not before its command is gone', async () => {
    const dir = temporaryFolder();
    const path = join(dir, 'a');
    const holder = other('hold', path, join(dir, 'pid'));
    expect(await holder.said).toBe('held');
    const pid = Number(readFileSync(join(dir, 'pid'), 'utf8'));
    expect(alive(pid)).toBe(true);
    holder.child.kill('SIGKILL');
    const lock = await acquireLock(path);
    expect(alive(pid)).toBe(false);
    lock.release();
  });
});

describe('commands', () => {
  it('return output and exit code', async () => {
    expect(await runCommand(['sh', '-c', 'echo out; echo err >&2; exit 3'])).toEqual({
      code: 3,
      signal: null,
      stdout: 'out\n',
      stderr: 'err\n',
    });
  });

  it('take arguments literally', async () => {
    const words = ['a b', '$HOME', '`id`', "'", '"', '-n', ''];
    expect((await runCommand(['printf', '%s\\n', ...words])).stdout).toBe(`${words.join('\n')}\n`);
  });

  it('fail if they do not exist', async () => {
    expect((await runCommand(['no-such-command-here'])).code).toBe(127);
  });

  it('die with all their children when cancelled', async () => {
    const pidFile = join(temporaryFolder(), 'pid');
    const controller = new AbortController();
    const run = runCommand(['sh', '-c', `sleep 1000 & echo $! > ${pidFile}; wait`], { signal: controller.signal });
    await until(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '');
    const pid = Number(readFileSync(pidFile, 'utf8'));
    controller.abort(new Error('stop'));
    await expect(run).rejects.toThrow('stop');
    await until(() => !alive(pid));
  });

  it('leave nothing running when they end', async () => {
    const pidFile = join(temporaryFolder(), 'pid');
    await runCommand(['sh', '-c', `sleep 1000 >/dev/null 2>&1 & echo $! > ${pidFile}`]);
    const pid = Number(readFileSync(pidFile, 'utf8'));
    await until(() => !alive(pid));
  });

  it('keep the end of an endless output', async () => {
    const { stdout, stderr } = await runCommand(
      ['sh', '-c', 'yes | head -c 3000000; yes | head -c 300000 >&2; echo end'],
      { maxOutput: 1000 },
    );
    expect(stdout.length).toBe(1000);
    expect(stdout.endsWith('y\nend\n')).toBe(true);
    expect(stderr.length).toBeLessThanOrEqual(65536);
  });
});
