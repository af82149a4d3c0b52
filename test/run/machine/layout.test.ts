// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, test } from 'vitest';
import type { LivePlan, RunPlan } from '../../../src/run/engine/plan.js';
import { cmdlineOf, machineConfig } from '../../../src/run/machine/layout.js';
import { parseScenario } from '../../../src/scenario/index.js';

const FILES = 'sessions: [{name: vm0, files: [{memfd: 1MiB}]}]\n';
const GUESTS = 'sessions: [{name: vm0, guests: [{name: g, size: 4MiB}]}]\n';

const COUNTS = 'machine: {icount: true}\n';

function planOf(text: string, accel: RunPlan['accel'], hostTscKhz: number | null = null): LivePlan {
  const scenario = parseScenario(`from: a\nto: b\n${text}`, 'some.yaml');
  const kernel = (name: string) => ({ name, bzImage: `/k/${name}`, sha256: name }) as RunPlan['kernels'][number];
  return {
    id: 'x',
    scenario,
    kernels: [kernel('a'), kernel('b')],
    rootfs: { path: '/r' } as RunPlan['rootfs'],
    accel,
    hostTscKhz,
    dir: '/tmp/lab',
    formats: [],
    follow: false,
    deviceLooks: true,
    memory: null,
    selftests: [],
    iommuOptions: {},
    saver: null,
    resumed: null,
  };
}

describe('images that are signed', () => {
  it('are what the machine loads, each from a disk of its own; it boots the image as it was built', () => {
    const { kernels, ...plan } = planOf(FILES, 'tcg');
    const [first, next] = kernels as [RunPlan['kernels'][number], RunPlan['kernels'][number]];
    const config = machineConfig({ ...plan, kernels: [first, next, next], signed: [null, '/run/1', '/run/2'] });
    expect(config.kernel).toBe('/k/a');
    expect(config.disks.map(({ serial, path }) => `${serial} ${path}`)).toEqual([
      'initrd /r',
      'kernel0 /run/1',
      'kernel1 /run/2',
    ]);
  });
});

describe('a kernel that may move itself', () => {
  const dir = mkdtempSync(join(tmpdir(), 'lab-layout-'));
  afterAll(() => rmSync(dir, { recursive: true }));
  const configOf = (text: string) => {
    const config = join(dir, 'config');
    writeFileSync(config, text);
    const plan = planOf(FILES, 'tcg');
    return { ...plan, kernels: plan.kernels.map((kernel) => ({ ...kernel, config })) };
  };
  const isFixed = (plan: LivePlan) => [0, 1].map((epoch) => cmdlineOf(plan, epoch).split(' ').includes('nokaslr'));

  it('does so, unless something needs its addresses before it runs', () => {
    const plan = configOf('CONFIG_RANDOMIZE_BASE=y\n');
    expect(isFixed(plan)).toEqual([false, false]);
    expect(isFixed({ ...plan, onBreakpoint: () => Promise.resolve() })).toEqual([true, true]);
    expect(isFixed(configOf('# CONFIG_RANDOMIZE_BASE is not set\n'))).toEqual([true, true]);
    expect(isFixed(planOf(FILES, 'tcg'))).toEqual([true, true]);
  });
});

describe('a machine that counts instructions', () => {
  it.each([
    ['an emulated one', FILES, 'tcg', true],
    ['not one on KVM', FILES, 'kvm', false],
    ['not one with guests', GUESTS, 'tcg', false],
  ] as const)('%s', (_, text, accel, counts) => {
    const { icount, cmdline } = machineConfig(planOf(COUNTS + text, accel));
    expect(icount).toBe(counts);
    expect(machineConfig(planOf(COUNTS + text, accel))).not.toHaveProperty('seed');
    expect(machineConfig(planOf(`machine: {icount: true, seed: 7}\n${text}`, accel)).seed).toBe(7);
    // The kernel must not measure what is known.
    expect(cmdline.includes('tsc_early_khz=1000000')).toBe(counts);
  });
});

test.each([
  ['asks for it all the time with guests', GUESTS, 'tcg', true],
  ['not on KVM', GUESTS, 'kvm', false],
  ['not without guests', FILES, 'tcg', false],
] as const)('the timer interrupt: an emulated kernel %s', (_, text, accel, periodic) => {
  for (const epoch of [0, 1]) {
    const words = cmdlineOf(planOf(text, accel), epoch).split(' ');
    expect(words.filter((word) => /^(nohz|highres)=off$/.test(word))).toHaveLength(periodic ? 2 : 0);
  }
});

describe('the TSC frequency on the kernel command line', () => {
  const OWN = 'cmdline: {from: tsc_early_khz=5, to: tsc_early_khz=5}\n';
  it.each([
    ['of the host, where the machine is emulated', FILES, 'tcg', 2_599_998, [2_599_998]],
    ['of the host, where it has guests and counts nothing', COUNTS + GUESTS, 'tcg', 2_599_998, [2_599_998]],
    ['of counted instructions, whatever the host has', COUNTS + FILES, 'tcg', 2_599_998, [1_000_000]],
    ['none on KVM', FILES, 'kvm', 2_599_998, []],
    ['none where the host cannot tell', FILES, 'tcg', null, []],
    ['the one of the scenario last, which counts', OWN + FILES, 'tcg', 2_599_998, [2_599_998, 5]],
  ] as const)('%s', (_, text, accel, host, told) => {
    const plan = planOf(text, accel, host);
    for (const epoch of [0, 1]) {
      const words = cmdlineOf(plan, epoch).split(' ');
      expect(words.filter((word) => word.startsWith('tsc_'))).toEqual(told.map((khz) => `tsc_early_khz=${khz}`));
    }
  });
});
