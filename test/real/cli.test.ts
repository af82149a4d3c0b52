// SPDX-License-Identifier: Apache-2.0
// Words that are wrong: exit 2, the place, what was expected, and nothing is started.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lab, labRun, ROOT, temporary, why } from './lab.js';

let home: string;
beforeAll(() => {
  home = temporary();
  mkdirSync(join(home, 'results'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const SESSIONS = 'sessions: [{name: a, files: [{memfd: 1MiB}]}]\nexpect: preserved\n';

/** What is written, where the complaint points, and words of it. */
const BAD: readonly [string, string, string, string][] = [
  ['an unknown key', `from: 7.2.12\nto: 7.3.4\nsesions: []\n${SESSIONS}`, ':3:1:', 'sessions'],
  ['a wrong type', `from: 7.2.12\nto: 7.3.4\nmachine: {cpus: many}\n${SESSIONS}`, ':3:17:', 'number'],
  ['a kernel that nobody knows', `from: 7.2.21\nto: 7.3.4\n${SESSIONS}`, ':1:7:', '7.2.12'],
  [
    'an impossible size',
    `from: 7.2.12\nto: 7.3.4\nsessions: [{name: a, files: [{memfd: 900GiB}]}]\nexpect: preserved\n`,
    ':3:',
    'GiB',
  ],
  [
    'a token twice',
    'from: 7.2.12\nto: 7.3.4\n' +
      'sessions: [{name: a, files: [{memfd: 1MiB, token: 1}, {memfd: 1MiB, token: 1}]}]\nexpect: preserved\n',
    ':3:',
    'token',
  ],
  ['YAML that is none', 'from: [7.2.12\nto: 7.3.4\n', 'bad.yaml:', ''],
];

describe('lab run with wrong words', () => {
  it.each(BAD)('%s', async (_name, text, place, words) => {
    const file = join(home, 'bad.yaml');
    writeFileSync(file, text);
    const exit = await lab(['run', file, '--results', join(home, 'results')]);
    expect(exit.code, exit.stderr).toBe(2);
    expect(exit.stderr).toContain(place);
    expect(exit.stderr).toContain(words);
    expect(exit.stdout).toBe('');
    expect(readdirSync(join(home, 'results'))).toEqual([]);
  });

  it.each([
    [['run']],
    [['run', 'no-such-file.yaml']],
    [['run', 'scenarios/first-update.yaml', '--accel', 'warp']],
    [['rum']],
    [['run', 'scenarios/first-update.yaml', '--timeout', 'soon']],
    [['run', 'scenarios/first-update.yaml', '--from', 'nowhere']],
  ])('lab %j: exit 2', async (args) => {
    const exit = await lab(args);
    expect(exit.code, exit.stderr).toBe(2);
    expect(exit.stderr).not.toContain('at async');
  });

  it('one bad scenario of two: nothing is started', async () => {
    const file = join(home, 'bad.yaml');
    writeFileSync(file, 'from: 7.2.12\n');
    const exit = await lab(['run', 'scenarios/first-update.yaml', file, '--results', join(home, 'results')]);
    expect(exit.code).toBe(2);
    expect(readdirSync(join(home, 'results'))).toEqual([]);
  });
});

describe('lab', () => {
  it.each(['run', 'images', 'doctor'])('%s has help', async (command) => {
    const exit = await lab([command, '--help']);
    expect(exit.code).toBe(0);
    expect(exit.stdout).toContain(`lab ${command}`);
  });

  it('lists the shipped kernels as JSON', async () => {
    const exit = await lab(['images', 'list', '--json']);
    expect(exit.code).toBe(0);
    for (const name of ['6.18.15', '6.19.11', '7.1.13', '7.2.12', '7.3.4']) expect(exit.stdout).toContain(name);
  });

  it('works from another folder, and runs several scenarios in one go', async () => {
    const run = await lab([
      'run',
      'scenarios/control.yaml',
      'scenarios/refused-abort.yaml',
      '--json',
      '--results',
      join(home, 'several'),
    ]);
    expect(run.code, run.stderr).toBe(0);
    expect((JSON.parse(run.stdout) as { outcome: string }[]).map(({ outcome }) => outcome)).toEqual([
      'preserved',
      'refused',
    ]);
    expect(readdirSync(join(home, 'several'))).toHaveLength(2);
  });

  it('says with exit 1 that an outcome, or an errno, was not the expected one', async () => {
    const file = join(home, 'unexpected.yaml');
    writeFileSync(
      file,
      'from: 7.2.12\nto: 7.3.4\nsteps:\n  - create: a\n  - memfd: {name: f, size: 4KiB}\n' +
        '  - preserve: {session: a, file: f, token: 1, errno: EBUSY}\n  - abort\nexpect: refused\n',
    );
    const run = await labRun(file);
    expect(run.result.outcome, why(run)).toBe('refused');
    expect(run.result.asExpected).toBe(false);
    expect(run.code).toBe(1);
    expect(JSON.stringify(run.result.incidents)).toContain('unexpected.yaml:6:');
  });
});

describe('a kernel without its network card', () => {
  const noNetwork = 'initcall_blacklist=virtio_net_driver_init';
  const before =
    'steps:\n  - create: s\n  - memfd: {name: f, size: 4KiB}\n  - preserve: {session: s, file: f, token: 1}\n';
  const after = '  - kexec\n  - retrieve: s\n  - retrieve: {session: s, token: 1}\n';

  async function runOf(name: string, text: string) {
    const file = join(home, `${name}.yaml`);
    writeFileSync(file, `from: 7.2.12\nto: 7.3.4\n${text}`);
    return labRun(file);
  }

  it('hands everything over all the same: agents need no network', async () => {
    const run = await runOf('no-network', `cmdline: {all: ${noNetwork}}\n${SESSIONS}`);
    expect(run.result.outcome, why(run)).toBe('preserved');
    expect(run.code).toBe(0);
  });

  it('if it is the first and a command needs SSH: infra, for it may well be the lab', async () => {
    const steps = `${before}  - exec: {command: "true"}\n${after}`;
    const run = await runOf('no-ssh', `deadline: 20\ncmdline: {from: ${noNetwork}}\n${steps}`);
    expect(run.result.outcome, why(run)).toBe('infra');
    expect(run.code).toBe(3);
  });

  it('if it is the next and a command needs SSH: a hang, with what init said on the console', async () => {
    const steps = `${before}${after}  - exec: {command: "true"}\n`;
    const run = await runOf('no-ssh-next', `deadline: 20\ncmdline: {to: ${noNetwork}}\n${steps}`);
    expect(run.result.outcome, why(run)).toBe('hang');
    expect(run.code).toBe(1);
    expect(run.result.cause?.title).toContain('SSH session with the machine');
    expect(run.result.incidents.map(({ title }) => title).join()).toContain('network card');
  });
});

describe('on a terminal', () => {
  it('the moving progress ends with the verdict', async () => {
    const command =
      `${process.execPath} bin/lab.js run scenarios/refused-abort.yaml ` + `--results ${join(home, 'terminal')}`;
    const { stdout, status } = spawnSync('script', ['-qec', command, '/dev/null'], {
      cwd: ROOT,
      encoding: 'utf8',
      maxBuffer: 64 << 20,
      env: { ...process.env, CI: '', TERM: 'xterm' },
    });
    expect(status, stdout).toBe(0);
    expect(stdout).toContain('\x1b[');
    expect(stdout).toContain('REFUSED');
    expect(stdout).not.toContain('fault of the lab');
  });
});
