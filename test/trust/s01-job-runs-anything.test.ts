// SPDX-License-Identifier: Apache-2.0
// S1: a job off a queue ran with everything of the worker's host. The old runner parsed its text and performed it: a
// disk for QEMU, any file for an upload, a kernel definition at any path. It also believed the job's word on memory.
import { describe, expect, it, vi } from 'vitest';
import { cellRunner, scenarioOf } from '../../src/matrix/runner.js';
import type { CellTask, TaskOrigin } from '../../src/matrix/queue.js';
import { Preparation } from '../../src/perform/prepare.js';
import { taskOf } from '../matrix/fake-runner.js';
import { temporaryFolder } from '../util/temporary.js';
import { HEAD, PLAIN, SESSIONS } from './refusal.js';

const DISK = `${PLAIN}machine: {qemuArgs: [-drive, "file=/dev/sda,format=raw"]}\n`;
const upload = (from: string) => `${HEAD}steps: [{upload: {from: ${from}, to: /x}}, kexec]\nexpect: preserved\n`;

interface Job {
  text: string;
  scenario?: string;
  kernels?: string[];
  cmdlines?: string[];
  memory?: number;
  origin?: TaskOrigin;
}

function jobOf({ text, scenario = '/tmp/x.yaml', kernels = ['7.2.12', '7.3.4'], ...more }: Job): CellTask {
  const task = taskOf('x');
  return {
    ...task,
    text,
    cell: { ...task.cell, scenario, kernels },
    cmdlines: more.cmdlines ?? ['', ''],
    memory: more.memory ?? 2 ** 30,
    origin: more.origin ?? 'unsigned',
  };
}

const read = (job: Job, trust: boolean) => scenarioOf(jobOf(job), { kernelProblem: () => null, trust });

describe('a job that nobody signed', () => {
  it.each<[string, Job, string]>([
    ['a disk of the host', { text: DISK }, 'data may not use -drive'],
    ['a file of the host', { text: upload('/etc/shadow') }, '"/etc/shadow" of this host'],
    [
      'a file beside a scenario that it claims to be',
      { text: upload('shadow'), scenario: '/etc/x.yaml' },
      '"/etc/shadow" of this host',
    ],
    ['a kernel at a path', { text: PLAIN, kernels: ['7.2.12', '/tmp/evil.yaml'] }, 'the kernel "/tmp/evil.yaml"'],
    ['a kernel file by a bare name', { text: PLAIN, kernels: ['evil.yaml', '7.3.4'] }, 'the kernel "evil.yaml"'],
    ['more memory than it says', { text: `${PLAIN}machine: {memory: 2GiB}\n` }, '1073741824 bytes of memory'],
    ['a command line without an end', { text: PLAIN, cmdlines: ['', 'x'.repeat(100_000)] }, 'no usable command line'],
    ['no command line', { text: PLAIN, cmdlines: [] }, 'no usable command line'],
  ])('cannot use %s, whether or not the worker trusts signed ones', (_, job, why) => {
    for (const trust of [false, true]) expect(() => read(job, trust)).toThrow(why);
  });

  it('runs if it uses nothing of the host', () => {
    expect(read({ text: PLAIN }, false)).toMatchObject({ trusted: false, kernels: ['7.2.12', '7.3.4'] });
  });

  it('ends as infra before anything is prepared', async () => {
    const preparation = new Preparation({ accel: 'tcg', signal: new AbortController().signal });
    const stages = vi.spyOn(preparation, 'stages');
    const run = cellRunner({
      preparation,
      results: temporaryFolder(),
      labVersion: '0',
      worker: 'w',
      kernelProblem: () => null,
      trust: true,
      describe: () => null,
    });
    const attempt = await run(jobOf({ text: DISK }), new AbortController().signal, () => undefined);
    expect(attempt).toMatchObject({ outcome: 'infra', run: null });
    expect(attempt.title).toContain('data may not use -drive');
    expect(stages).not.toHaveBeenCalled();
  });
});

describe('a signed job', () => {
  it('may use the host only on a worker with --trust', () => {
    expect(() => read({ text: DISK, origin: 'signed' }, false)).toThrow('data may not use -drive');
    expect(read({ text: DISK, origin: 'signed' }, true)).toMatchObject({ trusted: true });
  });
});

describe('a cell of this host', () => {
  it('is trusted by the place of its scenario', () => {
    expect(() => read({ text: DISK, origin: 'here' }, false)).toThrow('data may not use -drive');
    expect(read({ text: DISK, origin: 'here' }, true).trusted).toBe(true);
    expect(
      read({ text: `${HEAD}${SESSIONS}`, origin: 'here', scenario: 'scenarios/first-update.yaml' }, false),
    ).toMatchObject({ trusted: true });
  });
});
