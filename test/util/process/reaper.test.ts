// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startChild } from '../../../src/util/process/child.js';
import { killWithLab, REAPER_SCRIPT, trackTemp } from '../../../src/util/process/reaper.js';
import { programOf } from '../program.js';
import { temporaryFolder, until } from '../temporary.js';

const [NODE, HOLDER] = await programOf(join(import.meta.dirname, 'holder.ts'));

/** Starts a process that tracks paths, and waits until it does. */
async function holder(...words: string[]) {
  const child = spawn(NODE, [HOLDER, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return child;
}

function fullFolder(parent: string, name: string): string {
  const path = join(parent, name);
  mkdirSync(join(path, 'deep'), { recursive: true });
  writeFileSync(join(path, 'deep', 'file'), 'x');
  return path;
}

/** Each run of holder.ts adds two paths to the list and takes them back. */
const MIN_BYTES_OF_RUN = 4 * '+/tmp/no-such-folder/machine-0'.length;

const heapKiB = (pid: string): number =>
  Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

/** Bytes of the list that the shell has read so far. */
const readBytes = (pid: string): number => Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);

const ODD = [
  'a b',
  ' lead and trail ',
  '-rf',
  "q'uote",
  'dq"uote',
  'back\\slash\\n',
  '$HOME',
  '`id`',
  '*',
  '[a]',
  'ünï',
  'ta\tb',
  ';&|',
  '+plus',
];

describe('temporary paths', () => {
  it('are removed when the lab is killed, except untracked ones, whatever their names', async () => {
    const dir = temporaryFolder();
    const gone = ODD.map((name) => fullFolder(dir, name));
    const taken = fullFolder(dir, 'taken back');
    const other = fullFolder(dir, 'never held');
    const child = await holder(...[...gone, taken].map((path) => `+${path}`), `-${taken}`, `-${other}`);
    child.kill('SIGKILL');
    await until('the folders are gone', () => readdirSync(dir).length <= 2);
    expect(readdirSync(dir).sort()).toEqual(['never held', 'taken back']);
    expect(existsSync(join(taken, 'deep', 'file'))).toBe(true);
  });

  it('goes when the lab exits, at once', async () => {
    const dir = temporaryFolder();
    const child = await holder(`+${fullFolder(dir, 'a')}`, 'exit');
    await new Promise((resolve) => child.once('exit', resolve));
    expect(readdirSync(dir)).toEqual([]);
  });

  it('may be gone already', async () => {
    const dir = temporaryFolder();
    const there = fullFolder(dir, 'there');
    const child = await holder(`+${join(dir, 'not there')}`, `+${there}`);
    child.kill('SIGKILL');
    await until('the folder is gone', () => !existsSync(there));
  });

  it('are forgotten once a run has ended: after 10,000 runs the reaper is as small as after one', async () => {
    const dir = temporaryFolder();
    const sizes: number[] = [];
    for (const runs of [1, 10_000]) {
      const there = fullFolder(dir, `after ${runs}`);
      const child = await holder(`+${there}`, `x${runs}`);
      const shell = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
      expect(shell).toMatch(/^\d+$/);
      await until('the reaper has read the list', () => readBytes(shell) >= runs * MIN_BYTES_OF_RUN);
      sizes.push(heapKiB(shell));
      child.kill('SIGKILL');
      await until('the folder is gone', () => !existsSync(there));
    }
    const [small = 0, large = Infinity] = sizes;
    expect(large - small).toBeLessThan(256);
  }, 120_000);

  it('take the same work for each run: the 10,000th takes the shell no more commands than the first', () => {
    // Two paths and a machine of another run stay tracked.
    const others = '+/tmp/no-such-folder/a\n+/tmp/no-such-folder/b\n*999999990\n';
    const run = '+/tmp/no-such-folder/run\n*999999991\n/999999991\n-/tmp/no-such-folder/run\n';
    const commands = (runs: number): number => {
      const { stderr, status } = spawnSync('/bin/sh', ['-x', '-c', REAPER_SCRIPT], {
        // With nothing left, the shell looks for nothing at its end.
        input: others + run.repeat(runs) + others.replaceAll('+', '-').replace('*', '/'),
        maxBuffer: 256 << 20,
      });
      expect(status).toBe(0);
      return stderr.toString('latin1').split('\n').length;
    };
    const [none, one, many] = [commands(0), commands(1), commands(10_000)];
    expect(one - none).toBeGreaterThan(4);
    expect(many - none).toBe(10_000 * (one - none));
  });

  it('cannot have a line break in its name', () => {
    expect(() => trackTemp('/tmp/a\nb')).toThrow('line break');
  });
});

describe('process groups', () => {
  const alive = (pid: string | undefined) => existsSync(`/proc/${pid}`);
  async function groupHolder(...words: string[]) {
    const child = spawn(NODE, [HOLDER, 'group', ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await until('the group runs', () => /group \d+ \d+/.test(said) && said.includes('held'));
    const [, first, second] = /group (\d+) (\d+)/.exec(said) ?? [];
    return { child, first, second };
  }

  it.each(['SIGKILL', 'SIGTERM'] as const)('are killed when %s ends the lab', async (signal) => {
    const { child, first, second } = await groupHolder();
    expect([alive(first), alive(second)]).toEqual([true, true]);
    child.kill(signal);
    await until('the group is gone', () => !alive(first) && !alive(second));
  });

  it('of a bubblewrap that nobody could track are known by a tracked path, and others live on', async () => {
    const [dir, tracked] = [temporaryFolder(), temporaryFolder()];
    const bwrap = join(dir, 'bwrap');
    writeFileSync(bwrap, '#!/bin/sh\nwhile :; do sleep 1; done\n', { mode: 0o755 });
    const start = (path: string) => {
      const child = spawn(bwrap, ['--bind', path], { stdio: 'ignore' });
      onTestFinished(() => void child.kill('SIGKILL'));
      return String(child.pid);
    };
    const [ours, foreign] = [start(tracked), start(`${tracked}-of-another`)];
    const named = (pid: string) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'bwrap';
    await until('both run', () => named(ours) && named(foreign));
    const child = await holder(`+${tracked}`);
    child.kill('SIGKILL');
    await until('the path is gone', () => !existsSync(tracked));
    // This process has not collected the killed one.
    const isDead = (pid: string) => !alive(pid) || / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    await until('ours is gone', () => isDead(ours));
    expect(isDead(foreign)).toBe(false);
  });

  it('are killed when their first process ends', async () => {
    const leader = startChild(['/bin/sh', '-c', 'sleep 600 >/dev/null & echo "$!"'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      tie: 'none',
    });
    let other = '';
    leader.stdout?.on('data', (chunk: Buffer) => (other += chunk.toString()));
    killWithLab(leader);
    await leader.ended;
    expect(other.trim()).toMatch(/^\d+$/);
    await until('the other is gone', () => !alive(other.trim()));
  });

  it('are forgotten when they have ended', () => {
    const ended = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
    onTestFinished(() => void ended.kill('SIGKILL'));
    const input = `*${ended.pid}\n*999999991\n/${ended.pid}\n`;
    const { stderr } = spawnSync('/bin/sh', ['-x', '-c', REAPER_SCRIPT], { input });
    expect(stderr.toString()).toContain('kill -KILL -999999991');
    expect(stderr.toString()).not.toContain(`kill -KILL -${ended.pid}`);
    expect(alive(String(ended.pid))).toBe(true);
  });
});
