// SPDX-License-Identifier: Apache-2.0
// S2: the folder of a run that a worker sent was a trusted scenario afterwards. The old `lab repro`, `shell`,
// `minimise` and `bisect` ran its scenario.yaml with all QEMU options and files, took the folder of its uploads from
// result.json, and built the kernel definitions that result.json named.
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type ReproTarget, withTarget } from '../../src/cli/run/target.js';
import { runOfHost } from '../../src/cli/run/open-run.js';
import type { Result } from '../../src/model/result/result.js';
import { RunFolder } from '../../src/store/run/run-folder.js';
import type { Origin } from '../../src/store/run/seal.js';
import { resultOf } from '../report/result.js';
import { temporaryFolder } from '../util/temporary.js';
import { HEAD, PLAIN, setForTest } from './refusal.js';

const DISK = `${PLAIN}machine: {qemuArgs: [-drive, "file=/dev/sda,format=raw"]}\n`;
const UPLOAD = `${HEAD}steps: [{upload: {from: hostname, to: /x}}, kexec]\nexpect: preserved\n`;

/** A run in a results folder. With an origin, this lab wrote it. */
function runWith({ text, change = {}, origin }: { text: string; change?: Partial<Result>; origin?: Origin }) {
  const results = temporaryFolder();
  const result = { ...resultOf('panic'), ...change };
  new RunFolder(results, result.id).finish(result, text, origin);
  return { results, run: result.id };
}

const open = ({ results, run }: { results: string; run: string }, trust = false): Promise<ReproTarget> =>
  withTarget(run, { results, accel: 'auto', trust }, (target) => Promise.resolve(target));

const named = (name: string): Partial<Result> => ({
  kernels: resultOf('panic').kernels.map((kernel) => ({ ...kernel, name })),
});
const inEtc: Partial<Result> = { scenario: { ...resultOf('panic').scenario, file: '/etc/x.yaml' } };

beforeEach(() => setForTest('XDG_CONFIG_HOME', temporaryFolder()));

describe('a run that this lab did not write', () => {
  it.each<[string, Parameters<typeof runWith>[0], string]>([
    ['options of QEMU', { text: DISK }, 'data may not use -drive'],
    ['files beside the scenario that it names', { text: UPLOAD, change: inEtc }, 'there is no such file'],
    ['a kernel definition', { text: PLAIN, change: named('/tmp/evil.yaml') }, 'a kernel at a path of this host'],
    ['a kernel definition here', { text: PLAIN, change: named('evil.yaml') }, 'a kernel at a path of this host'],
  ])('cannot use %s, unless it is trusted', async (_, run, why) => {
    await expect(open(runWith(run))).rejects.toThrow(why);
    await expect(open(runWith(run), true)).resolves.toMatchObject({ rule: null });
  });

  it('is repeated if it uses nothing of the host, and its kernels are looked up by defined names only', async () => {
    const run = runWith({ text: PLAIN });
    expect((await open(run)).scenario.trusted).toBe(false);
    const { mayResolveKernel } = runOfHost(run.results, run.run);
    expect(['7.3.4', 'downloads', '/tmp/x'].map(mayResolveKernel)).toEqual([true, false, false]);
  });
});

describe('a run that this lab wrote', () => {
  const origin: Origin = { provenance: 'trusted', folder: '/etc' };

  it('may use what its scenario could, and files where they were', async () => {
    expect((await open(runWith({ text: DISK, origin }))).scenario.trusted).toBe(true);
    const { scenario } = await open(runWith({ text: UPLOAD, origin }));
    expect(scenario.steps[0]).toMatchObject({ op: 'upload', from: '/etc/hostname' });
    await expect(open(runWith({ text: PLAIN, change: named('/tmp/mine.yaml'), origin }))).resolves.toBeDefined();
  });

  it('from data is held to the rule again', async () => {
    await expect(open(runWith({ text: DISK, origin: { provenance: 'data', folder: '/' } }))).rejects.toThrow('-drive');
  });

  const forgeries: [string, (folder: string) => void][] = [
    ['another scenario', (folder) => writeFileSync(join(folder, 'scenario.yaml'), `${DISK}# changed\n`)],
    [
      'another folder',
      (folder) => {
        const seal = readFileSync(join(folder, 'seal.json'), 'utf8');
        writeFileSync(join(folder, 'seal.json'), seal.replace('/etc', '/var'));
      },
    ],
    [
      'another kernel',
      (folder) => {
        const result = readFileSync(join(folder, 'result.json'), 'utf8');
        writeFileSync(join(folder, 'result.json'), result.replaceAll('"7.3.4"', '"7.1.13"'));
      },
    ],
    ['no seal', (folder) => renameSync(join(folder, 'seal.json'), join(folder, 'seal.old'))],
    [
      'a seal that is a folder',
      (folder) => (renameSync(join(folder, 'seal.json'), join(folder, 'x')), mkdirSync(join(folder, 'seal.json'))),
    ],
  ];
  it.each(forgeries)('is data with %s', async (_, forge) => {
    const run = runWith({ text: DISK, origin });
    forge(join(run.results, run.run));
    await expect(open(run)).rejects.toThrow('data may not use -drive');
  });

  it('is data for everybody else, and for a key that others could read', async () => {
    const run = runWith({ text: DISK, origin });
    const config = process.env['XDG_CONFIG_HOME'] as string;
    const key = join(config, 'liveupdate-lab', 'seal.key');
    expect(statSync(key).mode & 0o777).toBe(0o600);
    writeFileSync(`${key}.open`, readFileSync(key), { mode: 0o644 });
    renameSync(`${key}.open`, key);
    await expect(open(run)).rejects.toThrow('-drive');
    process.env['XDG_CONFIG_HOME'] = temporaryFolder();
    await expect(open(run)).rejects.toThrow('-drive');
  });
});
