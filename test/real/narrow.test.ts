// SPDX-License-Identifier: Apache-2.0
// A failure held, made smaller, and between two kernels: the real commands on real machines.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findProgram } from '../../src/images/index.js';
import { parseScenario } from '../../src/scenario/index.js';
import { until } from '../util/temporary.js';
import { LAB, lab, machinesUnder, ROOT, temporary } from './lab.js';

let home: string;
beforeAll(() => void (home = temporary()));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** `lab` with something to type; the function is given each piece of standard error. */
function typing(
  args: readonly string[],
  onError: (text: string, child: ReturnType<typeof spawn>) => void,
  env: Record<string, string> = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [LAB, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    onError(stderr, child);
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

/**
 * As `typing`, and once a machine runs after the lab has said these words, the lab gets this signal. Nothing is left of
 * it then.
 */
async function ended(args: readonly string[], words: RegExp, signal: NodeJS.Signals): ReturnType<typeof typing> {
  const temporaries = mkdtempSync(join(home, 'tmp-'));
  let watch: NodeJS.Timeout | undefined;
  const exit = await typing(
    args,
    (text, child) => {
      if (!words.test(text)) return;
      watch ??= setInterval(() => {
        if (machinesUnder(temporaries).length === 0) return;
        // A second one would end it at once.
        clearInterval(watch);
        child.kill(signal);
      }, 50);
    },
    { TMPDIR: temporaries },
  ).finally(() => clearInterval(watch));
  await until(
    'nothing is left',
    () => machinesUnder(temporaries).length === 0 && readdirSync(temporaries).length === 0,
    5000,
  );
  return exit;
}

const MANY = `from: 7.2.12
to: 7.3.4
machine: {memory: 512MiB, cpus: 1}
sessions: [{name: "vm-{i}", count: 6, files: [{name: "f{i}", memfd: 8KiB, count: 2}]}]
faults:
  - {at: before-kexec, do: nmi}
  - {at: jump, change: {place: "memfd[vm-4/f2].folio[1].flags", to: 0}}
expect: preserved
`;

describe('lab shell', () => {
  it('runs commands in each kernel at its point', async () => {
    const { code, stdout } = await lab([
      'shell',
      'scenarios/control.yaml',
      '--stop-at',
      'booted',
      '--stop-at',
      'next-kernel',
      '--command',
      'uname -r',
    ]);
    expect(code).toBe(0);
    expect(stdout).toBe('7.2.12-lab\n7.3.4-lab\n');
  });

  it('is a shell in the machine, and the run goes on when it exits', async () => {
    const { code, stdout, stderr } = await typing(['shell', 'scenarios/control.yaml'], (_text, { stdin }) =>
      stdin?.end('echo $((6 * 7)) && exit\n'),
    );
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('42');
    expect(stderr).toContain('PRESERVED');
  });

  it('is ended by Ctrl-C with nothing left', async () => {
    expect(await ended(['shell', 'scenarios/control.yaml'], /`exit` lets/, 'SIGINT')).toMatchObject({
      code: 130,
      stderr: expect.stringContaining('interrupted by SIGINT'),
    });
  });

  it("keeps a machine that panicked, with QEMU's monitor", async () => {
    const { code, stdout, stderr } = await typing(['shell', 'scenarios/panic.yaml', '--keep'], (_text, { stdin }) =>
      stdin?.end('info status\nexit\n'),
    );
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('paused');
    expect(stderr).toContain('no kernel answers by SSH');
  });

  it.skipIf(findProgram('gdb') === null)(
    'a breakpoint that is set before the kexec stops the next kernel',
    async () => {
      const sessions: Promise<string>[] = [];
      const { code, stderr } = await typing(
        [
          'shell',
          'scenarios/control.yaml',
          '--gdb',
          '--no-symbols',
          '--stop-at',
          'before-kexec',
          '--break',
          'liveupdate_early_init',
        ],
        (text, { stdin }) => {
          const line = / {2}(gdb .*hbreak.*)$/m.exec(text)?.[1];
          if (line === undefined || sessions.length > 0 || !text.includes('`exit` lets')) return;
          const gdb = spawn('sh', ['-c', `exec ${line.replace('gdb', 'gdb -batch -nx')} -ex bt -ex detach`], {
            stdio: ['ignore', 'pipe', 'pipe'],
          });
          let output = '';
          sessions.push(new Promise((resolve) => gdb.on('close', () => resolve(output))));
          for (const stream of [gdb.stdout, gdb.stderr]) {
            stream.on('data', (chunk: Buffer) => {
              output += chunk.toString();
              if (output.includes('Hardware assisted breakpoint')) stdin?.end('exit\n');
            });
          }
        },
      );
      expect(code, stderr).toBe(0);
      expect(await sessions[0]).toMatch(/hit Breakpoint 1,.* liveupdate_early_init/);
      expect(stderr).toContain('PRESERVED');
    },
  );
});

describe('lab minimise', () => {
  it('leaves the one file that matters, and continues after a kill', async () => {
    const file = join(home, 'many.yaml');
    const output = join(home, 'small.yaml');
    writeFileSync(file, MANY);
    const args = ['minimise', file, '--times', '1', '--output', output, '--results', join(home, 'results'), '--json'];
    expect(await ended(args, /smaller scenarios/, 'SIGKILL')).toMatchObject({ code: null, stdout: '' });
    const { code, stdout, stderr } = await lab(args);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('continues: ');
    expect(readdirSync(home).filter((name) => name.startsWith('small.yaml'))).toEqual(['small.yaml']);
    const { failure, after } = JSON.parse(stdout) as { failure: string; after: { seen: number } };
    expect(failure).toBe('corrupt: memfd is corrupt');
    expect(after.seen).toBe(1);
    const smallest = parseScenario(readFileSync(output, 'utf8'), output);
    expect(smallest.steps.flatMap((step) => (step.op === 'memfd' ? [step.memfd.file] : []))).toEqual(['vm-4/f2']);
    expect(smallest.steps.filter(({ op }) => op === 'fault')).toHaveLength(1);
    expect(readdirSync(join(home, 'results'))).toHaveLength(1);
  });

  it('says so where nothing fails, and is ended by Ctrl-C with nothing left', async () => {
    const fine = await lab([
      'minimise',
      'scenarios/control.yaml',
      '--times',
      '1',
      '--output',
      join(home, 'none.yaml'),
      '--results',
      join(home, 'none'),
    ]);
    expect(fine).toMatchObject({ code: 3, stderr: expect.stringContaining('does not fail') });
    const file = join(home, 'many.yaml');
    writeFileSync(file, MANY);
    const exit = await ended(
      ['minimise', file, '--output', join(home, 'none.yaml'), '--results', join(home, 'none')],
      /original scenario/,
      'SIGINT',
    );
    expect(exit).toMatchObject({ code: 130, stderr: expect.stringContaining('interrupted by SIGINT') });
    expect(readdirSync(home)).not.toContain('none.yaml');
  });
});

describe('lab bisect', () => {
  it('goes on where a kill ended it, and finds the first kernel of an order that fails', async () => {
    const file = join(home, 'lost.yaml');
    writeFileSync(file, 'from: 7.2.12\nto: 7.3.4\nsessions: [{name: a, files: [{memfd: 64KiB}]}]\nexpect: preserved\n');
    const args = [
      'bisect',
      file,
      '--kernels',
      '7.3.4,7.2.12,7.1.13',
      '--good',
      '7.3.4',
      '--bad',
      '7.1.13',
      '--as',
      'from',
      '--times',
      '1',
      '--json',
    ];
    const killed = await ended([...args, '--rebuild'], /point 1 of 2/, 'SIGKILL');
    expect(killed).toMatchObject({ code: null, stdout: '' });
    const { code, stdout, stderr } = await lab(args);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('2 of 3 points are known');
    expect(JSON.parse(stdout)).toMatchObject({ first: [2], lastGood: 1, ends: { bad: { outcome: 'lost' } } });
  });

  it('refuses words that are none', async () => {
    expect(await lab(['bisect', 'scenarios/control.yaml', '--good', '7.2.12', '--bad', '9.9'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('9.9 is not one of the kernels'),
    });
    expect(
      await lab(['bisect', 'scenarios/control.yaml', '--good', 'a', '--bad', 'b', '--over', 'commits']),
    ).toMatchObject({ code: 2 });
  });
});
