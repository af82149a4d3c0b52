// SPDX-License-Identifier: Apache-2.0
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { findProgram } from '../../src/images/requirements.js';
import { agreed, hostTscKhz, runsEvenly } from '../../src/host/tsc.js';
import { temporaryFolder } from '../images/folder.js';

const EVEN = 'processor\t: 0\nflags\t\t: fpu tsc rdtscp constant_tsc nonstop_tsc\nbugs\t\t:\n';

describe("the frequency of the host's TSC", () => {
  it.each([
    ['both the same, rounded for the sake of snapshots', '2599998 2599998\n', 2_600_000],
    ['in the middle of two steps', '2599940 2599940', 2_599_900],
    ['apart by less than 100 ppm', '2600000 2600200', 2_600_100],
    ['apart by more', '2600000 2600300', null],
    ['slower than any TSC', '50000 50000', null],
    ['faster than any TSC', '10000001 10000001', null],
    ['as fast as one may be', '10000000 10000000', 10_000_000],
    ['one only', '2600000', null],
    ['text behind it', '2600000 2600000 rm', null],
    ['a negative one', '-2600000 -2600000', null],
    ['no number', 'nan nan', null],
    ['nothing', '', null],
  ])('%s', (_, output, khz) => expect(agreed(output)).toBe(khz));

  it.each([
    ['that neither changes nor stops', EVEN, true],
    ['that changes its speed', EVEN.replace('constant_tsc', ''), false],
    ['that stops in sleep', EVEN.replace('nonstop_tsc', ''), false],
    ['of which the host says nothing', '', false],
  ])('a TSC %s', (_, cpuinfo, even) => expect(runsEvenly(cpuinfo)).toBe(even));
});

describe.skipIf(arch() !== 'x64' || findProgram('gcc') === null)('measured on this host', () => {
  const context = (cacheDir: string) => ({
    onProgress: () => undefined,
    signal: new AbortController().signal,
    cacheDir,
  });
  const programs = (cache: string) =>
    readdirSync(join(cache, 'programs')).map((name) => [name, statSync(join(cache, 'programs', name)).mtimeMs]);
  afterEach(() => vi.unstubAllEnvs());

  it('is the same twice, with a program that is compiled once', async () => {
    const cache = temporaryFolder();
    const first = await hostTscKhz(context(cache), () => EVEN);
    const built = programs(cache);
    expect(built).toHaveLength(1);
    const second = await hostTscKhz(context(cache), () => EVEN);
    expect(first).toBeGreaterThan(200_000);
    expect(Math.abs((second ?? 0) - (first ?? 0))).toBeLessThan((first ?? 0) * 200e-6);
    expect(programs(cache)).toEqual(built);
  });

  it('is unknown if the TSC does not run evenly', async () => {
    expect(await hostTscKhz(context(temporaryFolder()), () => EVEN.replace('constant_tsc', ''))).toBeNull();
  });

  it('is unknown if the program cannot be built, and no run fails because of it', async () => {
    const bin = join(temporaryFolder(), 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'gcc'), '#!/bin/sh\nexit 1\n');
    chmodSync(join(bin, 'gcc'), 0o755);
    vi.stubEnv('PATH', `${bin}:${process.env['PATH']}`);
    expect(await hostTscKhz(context(temporaryFolder()), () => EVEN)).toBeNull();
  });
});
