// SPDX-License-Identifier: Apache-2.0
// However a run ends, nothing is left behind, and a failure of the lab is never a verdict on a kernel.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../util/temporary.js';
import { lab, LAB, labRun, machinesUnder, ROOT, temporary, why } from './lab.js';

const SCENARIO = 'scenarios/first-update.yaml';

/** A run of its own: results, and the folder that temporary files go to. */
let home: string;
beforeEach(() => {
  home = temporary();
  mkdirSync(join(home, 'tmp'));
});
afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

function start(): { child: ChildProcess; output: () => string } {
  let text = '';
  const child = spawn(process.execPath, [LAB, 'run', SCENARIO, '--results', join(home, 'results')], {
    cwd: ROOT,
    env: { ...process.env, TMPDIR: join(home, 'tmp'), CI: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { child, output: () => text };
}

/** QEMU processes of this test. */
const machines = () => machinesUnder(home);
const exitOf = (child: ChildProcess) =>
  new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
const left = () => [
  ...readdirSync(join(home, 'tmp')),
  ...(existsSync(join(home, 'results')) ? readdirSync(join(home, 'results')) : []),
];
const consoleText = () => {
  const [dir] = readdirSync(join(home, 'tmp')).filter((name) => name.startsWith('lab-'));
  const path = join(home, 'tmp', dir ?? 'none', 'console.log');
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
};

/** Moments of a run, each seen from outside. */
const MOMENTS: readonly [string, () => boolean][] = [
  ['as QEMU starts', () => machines().length > 0],
  ['while the first kernel boots', () => consoleText().includes('Linux version')],
  ['once user space is up', () => consoleText().includes('LAB-READY')],
  ['in the middle of the kexec', () => consoleText().includes('KHO: found kexec handover data')],
];

describe('the lab is stopped', () => {
  it.each(MOMENTS)('by Ctrl-C %s', async (_name, holds) => {
    const { child, output } = start();
    await until('the moment', holds);
    child.kill('SIGINT');
    expect(await exitOf(child)).toBe(130);
    expect(output()).toContain('interrupted');
    expect(machines()).toEqual([]);
    expect(left()).toEqual([]);
  });

  it.each(MOMENTS)('by SIGKILL %s', async (_name, holds) => {
    const { child } = start();
    await until('the moment', holds);
    child.kill('SIGKILL');
    await exitOf(child);
    await until('the machine is gone', () => machines().length === 0, 10_000);
    await until('nothing is left', () => left().length === 0, 10_000);
  });
});

describe('the lab or its host fails', () => {
  it('QEMU is killed from outside: infra, with its command line', async () => {
    const { child, output } = start();
    await until('user space', () => consoleText().includes('LAB-READY'));
    for (const pid of machines()) process.kill(pid, 'SIGKILL');
    expect(await exitOf(child)).toBe(3);
    expect(output()).toContain('QEMU ended on its own (SIGKILL)');
    expect(output()).toContain('-object memory-backend-memfd');
    const [run = ''] = readdirSync(join(home, 'results'));
    const result = JSON.parse(readFileSync(join(home, 'results', run, 'result.json'), 'utf8')) as {
      outcome: string;
      endsIn: string;
    };
    expect(result).toMatchObject({ outcome: 'infra', endsIn: 'none' });
    expect(readdirSync(join(home, 'tmp'))).toEqual([]);
  });

  it('QEMU refuses its arguments: infra, with its words', async () => {
    writeFileSync(
      join(home, 'bad.yaml'),
      'from: 7.2.12\nto: 7.3.4\nmachine: {qemuArgs: ["-device", "no-such-device"]}\n' +
        'sessions: [{name: a, files: [{memfd: 1MiB}]}]\nexpect: preserved\n',
    );
    const run = await labRun(join(home, 'bad.yaml'), ['--trust']);
    expect(run.code).toBe(3);
    expect(run.result.outcome).toBe('infra');
    expect(JSON.stringify(run.result.cause)).toContain('no-such-device');
  });

  it.runIf(process.getuid?.() === 0)('the disk of the results is full: infra, and no half of a result', async () => {
    const disk = join(home, 'small');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', disk]);
    try {
      const exit = await lab(['run', SCENARIO, '--results', disk]);
      expect(exit.code, exit.stderr).toBe(3);
      expect(exit.stderr).toContain('cannot be written');
      expect(exit.stderr).toContain('--results');
      expect(readdirSync(disk)).toEqual([]);
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});

describe('the machine misbehaves', () => {
  const write = (text: string) => {
    const path = join(home, 'case.yaml');
    writeFileSync(path, text);
    return path;
  };

  it('a flood on the console neither fills the disk nor hides the verdict', async () => {
    const run = await labRun(
      write(`
from: 7.2.12
to: 7.3.4
steps:
  - create: vm0
  - memfd: {name: ram, size: 4MiB}
  - preserve: {session: vm0, file: ram, token: 1}
  - exec: "yes ${'x'.repeat(60)} | head -c 3000000 > /dev/ttyS0"
  - kexec
  - retrieve: vm0
  - retrieve: {session: vm0, token: 1, as: ram}
  - finish: vm0
expect: preserved
`),
    );
    expect(run.result.outcome, why(run)).toBe('preserved');
  });

  it('a first kernel that panics: panic, with the console', async () => {
    const run = await labRun(
      write(
        'from: 7.2.12\nto: 7.3.4\ncmdline: {from: "rdinit=/nowhere root=/dev/nothing"}\n' +
          'sessions: [{name: a, files: [{memfd: 1MiB}]}]\nexpect: panic\n',
      ),
    );
    expect(run.result.outcome, why(run)).toBe('panic');
    expect(run.code).toBe(0);
    expect(run.result.cause?.title).toContain('panic');
  });

  it("a run that is over the user's time: no verdict on a kernel", async () => {
    const run = await labRun(write('from: 7.2.12\nto: 7.3.4\nsteps: [{exec: "sleep 600"}]\nexpect: hang\n'), [
      '--timeout',
      '8',
    ]);
    expect(run.result.outcome, why(run)).toBe('infra');
    expect(run.result.cause?.title).toBe("the run's own time limit of 8 s was reached");
  });

  it('a command that is over its own time fails its step, and nothing else', async () => {
    const run = await labRun(
      write(`
from: 7.2.12
to: 7.3.4
steps:
  - exec: {command: "sleep 600", timeout: 2, errno: ETIMEDOUT}
  - exec: "true"
  - kexec
expect: preserved
`),
    );
    expect(run.result.outcome, why(run)).toBe('preserved');
    expect(run.result.asExpected, why(run)).toBe(true);
    expect(run.result.incidents.filter(({ title }) => title.includes('exec'))).toEqual([]);
  });

  it('a QEMU that its host stopped: no hang', async () => {
    const { child, output } = start();
    await until('user space', () => consoleText().includes('LAB-READY'));
    for (const pid of machines()) process.kill(pid, 'SIGSTOP');
    expect(await exitOf(child)).toBe(3);
    expect(output()).not.toContain('HANG');
  });

  it('a file that is no kernel: nothing is blamed', async () => {
    mkdirSync(join(home, 'kernel'));
    writeFileSync(join(home, 'kernel', 'bzImage'), Buffer.alloc(100_000, 0x90));
    const exit = await lab(['run', SCENARIO, '--from', join(home, 'kernel')]);
    expect([2, 3]).toContain(exit.code);
    expect(exit.stderr).toContain('bzImage');
  });
});

describe('two labs at once', () => {
  it('do not disturb each other', async () => {
    const runs = await Promise.all([labRun(SCENARIO), labRun(SCENARIO)]);
    for (const run of runs) expect(run.result.outcome, why(run)).toBe('preserved');
    expect(runs[0]?.result.id).not.toBe(runs[1]?.result.id);
  });
});
