// SPDX-License-Identifier: Apache-2.0
// `lab check` on the real kernels of the cache: verdicts, exit status, time. Nothing is booted.
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { CheckReport } from '../../src/cli/text/check-report.js';
import type { ProfileCheck } from '../../src/compat/profile.js';
import type { ImageDetails } from '../../src/images/cache/list.js';
import type { KernelImage } from '../../src/model/kernel/image.js';
import { lab } from './lab.js';

const KERNELS = ['6.19.11', '7.1.13', '7.2.12', '7.3.4'];
const home = mkdtempSync(join(tmpdir(), 'lab-test-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const json = async <T = CheckReport>(...args: string[]): Promise<{ code: number | null; data: T; stderr: string }> => {
  const { code, stdout, stderr } = await lab(['check', ...args, '--json']);
  if (stdout === '') throw new Error(`lab check ${args.join(' ')} (exit status ${code}):\n${stderr}`);
  return { code, data: JSON.parse(stdout) as T, stderr };
};

describe('the stock pairs', () => {
  /** As docs/pairs.md has them measured. */
  const good = new Set([
    '6.19.11 6.19.11',
    '7.1.13 7.1.13',
    '7.2.12 7.2.12',
    '7.3.4 7.3.4',
    '7.2.12 7.3.4',
    '7.3.4 7.2.12',
  ]);
  const pairs = KERNELS.flatMap((from) => KERNELS.map((to) => [from, to] as const));

  it.each(pairs)('%s to %s', async (from, to) => {
    const { code, data } = await json('--from', from, '--to', to);
    const works = good.has(`${from} ${to}`);
    expect(code).toBe(works ? 0 : 1);
    const direction = works
      ? { compatible: true, outcome: 'preserved', endsIn: 'none', where: null }
      : { compatible: false, outcome: 'lost', endsIn: 'reboot', where: 'kho_populate' };
    expect(data).toMatchObject({
      schema: 1,
      compatible: works,
      from: { name: from, known: true },
      to: { name: to },
      update: direction,
      rollback: direction,
    });
    expect(data.components.map(({ component }) => component)).toEqual(
      expect.arrayContaining(['kho', 'luo', 'memfd', 'memblock', 'reserve-mem']),
    );
  });

  it('says in which function each mismatch ends', async () => {
    const { data } = await json('--from', '7.1.13', '--to', '7.3.4');
    expect(
      data.components
        .filter(({ update }) => update.state === 'mismatch')
        .map(({ component, update: { endsIn, where } }) => [component, endsIn, where]),
    ).toEqual([
      ['kho', 'reboot', 'kho_populate'],
      ['luo', 'panic', 'liveupdate_early_init'],
    ]);
  });

  it('counts the command lines of both', async () => {
    const { code, data } = await json('--from', '7.3.4', '--to', '7.3.4', '--cmdline-to', 'liveupdate=off');
    expect(code).toBe(1);
    expect(data).toMatchObject({
      update: { outcome: 'leak', where: 'liveupdate_ioctl_init' },
      rollback: { outcome: 'refused' },
    });
  });
});

describe('a scenario', () => {
  it('brings its kernels, its command lines and what it carries', async () => {
    const { code, data } = await json('--scenario', 'scenarios/kho-off.yaml');
    expect(code).toBe(1);
    expect(data).toMatchObject({
      scenario: { name: 'kho-off' },
      update: { outcome: 'leak', endsIn: 'leak', where: 'luo_early_startup', carries: ['session', 'memfd'] },
    });
  });

  it('that is a chain is checked update by update', async () => {
    const { code, data } = await json<CheckReport[]>('--scenario', 'scenarios/chain.yaml');
    expect(code).toBe(0);
    expect(data.length).toBeGreaterThan(1);
    expect(data.every(({ compatible }) => compatible)).toBe(true);
  });

  it('that calls the update off: the kernels meet, a run of it is refused', async () => {
    const { code, data } = await json('--scenario', 'scenarios/refused-abort.yaml');
    expect(code).toBe(0);
    expect(data).toMatchObject({ scenario: { predicted: 'refused' }, update: { outcome: 'preserved' } });
  });

  it('says what a run of it predicts', async () => {
    const { data } = await json('--scenario', 'scenarios/lost.yaml');
    expect(data.update).toMatchObject({ outcome: 'lost', endsIn: 'reboot' });
  });
});

describe('memory', () => {
  const file = (name: string, text: string): string => {
    const path = join(home, name);
    writeFileSync(path, text);
    return path;
  };

  it.each([
    ['scratch-too-small', 1, 'panic', 'sparse_init', /[67] MiB short/],
    ['scratch-enough-for-7.3', 0, 'preserved', null, null],
    ['next-kernel-less-memory', 1, 'panic', 'kho_scratch_overlap', /424 MiB of the memory are cut off/],
  ])('%s: %s', async (name, exit, outcome, where, reason) => {
    const { code, data } = await json('--scenario', `scenarios/cases/${name}.yaml`);
    expect(code).toBe(exit);
    expect(data).toMatchObject({ scenario: { predicted: outcome }, update: { outcome, where } });
    if (reason !== null) expect(data.update.reasons[0]).toMatch(reason);
  });

  it('an area that a later kernel makes costs the second update, not the first', async () => {
    const { code, data } = await json<CheckReport[]>(
      '--scenario',
      'scenarios/cases/reserve-mem-second-generation.yaml',
    );
    expect(code).toBe(1);
    expect(data.map(({ update }) => [update.outcome, update.where])).toEqual([
      ['preserved', null],
      ['lost', 'reserved_mem_preserve'],
    ]);
  });

  it('a machine that is plainly too small is not started', async () => {
    const small = file(
      'small.yaml',
      'from: 7.2.12\nto: 7.3.4\nmachine: {memory: 256MiB}\n' +
        'sessions: [{name: vm0, files: [{name: ram, memfd: 16MiB}]}]\nexpect: preserved\n',
    );
    const { code, stderr } = await lab(['run', small]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/small\.yaml:3:11: a machine of 256 MiB is \d+ MiB too small: \d{3} MiB become scratch/);
  });
});

describe('ready-made files', () => {
  it('a bzImage and a folder tell what the built kernel tells', async () => {
    const shown = JSON.parse((await lab(['images', 'show', '7.3.4', '--json'])).stdout) as ImageDetails;
    const { bzImage, vmlinux } = shown.image as KernelImage;
    symlinkSync(bzImage, join(home, 'bzImage'));
    const alone = await json('--from', join(home, 'bzImage'), '--to', '7.3.4');
    expect(alone.code).toBe(0);
    expect(alone.data.from.versions).toEqual(alone.data.to.versions);
    symlinkSync(vmlinux ?? '', join(home, 'vmlinux'));
    const folder = await json('--from', '7.1.13', '--to', home);
    expect(folder.code).toBe(1);
    expect(folder.data.update).toMatchObject({ outcome: 'lost', where: 'kho_populate' });
  });

  it('one that is unreadable is not known; one that is none is an error; neither is a guess', async () => {
    const empty = join(home, 'hollow');
    // A boot header, and nothing behind it that could be unpacked.
    const bytes = Buffer.alloc(8192);
    bytes[0x1f1] = 1;
    bytes.write('HdrS', 0x202, 'latin1');
    bytes.writeUInt16LE(0x20f, 0x206);
    writeFileSync(empty, bytes);
    const { code, data } = await json('--from', empty, '--to', '7.3.4');
    expect(code).toBe(3);
    expect(data).toMatchObject({ compatible: null, from: { known: false, versions: [] }, update: { outcome: null } });
    writeFileSync(join(home, 'text'), 'no kernel');
    const none = await lab(['check', '--from', join(home, 'text'), '--to', '7.3.4']);
    expect([none.code, none.stdout]).toEqual([3, '']);
    expect(none.stderr).toContain('is not a bzImage');
  });
});

describe('a fleet', () => {
  it('is held against a profile', async () => {
    const { code, data } = await json<ProfileCheck>(
      '--profile',
      'scenarios/profiles/2026-q3.yaml',
      '7.2.12',
      '7.3.4',
      '7.1.13',
    );
    expect(code).toBe(1);
    expect(data.hosts.map(({ host, takesPart }) => [host, takesPart])).toEqual([
      ['7.2.12', true],
      ['7.3.4', true],
      ['7.1.13', false],
    ]);
    expect(data.hosts[2]?.reasons[0]).toContain('kho 4');
    expect(data.updates.map(({ from, to, compatible }) => [from, to, compatible])).toEqual([
      ['7.2.12', '7.3.4', true],
      ['7.3.4', '7.2.12', true],
    ]);
    expect((await json<ProfileCheck>('--profile', 'scenarios/profiles/2026-q3.yaml', '7.2.12', '7.3.4')).code).toBe(0);
  });

  it('a pair too; stock kernels have no objects', async () => {
    const { code, data } = await json<CheckReport & { profile: ProfileCheck }>(
      '--profile',
      'scenarios/profiles/2026-q4.yaml',
      '--from',
      '7.2.12',
      '--to',
      '7.3.4',
    );
    expect(code).toBe(1);
    expect(data).toMatchObject({ compatible: true, profile: { compatible: false } });
    expect(data.profile.hosts.map(({ reasons }) => reasons)).toEqual([['has no object'], ['has no object']]);
  });
});

describe('bad usage', () => {
  it.each<[string, string[], string]>([
    ['one kernel', ['--from', '7.3.4'], 'two kernels are needed'],
    ['a kernel that is none', ['--from', '7.3.5', '--to', '7.3.4'], 'did you mean 7.3.4?'],
    ['kernels and no profile', ['7.3.4', '7.2.12'], 'add --profile FILE'],
    [
      'both',
      ['--profile', 'scenarios/profiles/2026-q3.yaml', '--from', '7.3.4', '--to', '7.3.4', '7.2.12'],
      'either a list of kernels',
    ],
    [
      'a profile that is none',
      ['--profile', 'scenarios/profiles/2026-q8.yaml', '7.3.4'],
      'no such profile; did you mean "2026-q',
    ],
    [
      'a bump of nothing',
      ['--profile', 'scenarios/profiles/2026-q3.yaml', '--bump', 'memdf=3', '7.3.4'],
      'did you mean memfd?',
    ],
    [
      'a bump that is none',
      ['--profile', 'scenarios/profiles/2026-q3.yaml', '--bump', 'memfd', '7.3.4'],
      'such as object=2',
    ],
    ['a bump without a profile', ['--bump', 'memfd=3', '--from', '7.3.4', '--to', '7.3.4'], 'add --profile FILE'],
  ])('%s: exit status 2', async (_what, args, words) => {
    const { code, stdout, stderr } = await lab(['check', ...args]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(words);
  });
});
