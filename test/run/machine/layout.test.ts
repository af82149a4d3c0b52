// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { RunPlan } from '../../../src/run/engine/context.js';
import { machineConfig } from '../../../src/run/machine/layout.js';
import { parseScenario } from '../../../src/scenario/index.js';

const FILES = 'sessions: [{name: vm0, files: [{memfd: 1MiB}]}]\n';
const GUESTS = 'sessions: [{name: vm0, guests: [{name: g, size: 4MiB}]}]\n';

function planOf(text: string, accel: RunPlan['accel']): RunPlan {
  const scenario = parseScenario(`from: a\nto: b\nmachine: {icount: true}\n${text}`, 'some.yaml');
  const kernel = (name: string) => ({ name, bzImage: `/k/${name}`, sha256: name }) as RunPlan['kernels'][number];
  return {
    id: 'x',
    scenario,
    kernels: [kernel('a'), kernel('b')],
    rootfs: { path: '/r' } as RunPlan['rootfs'],
    accel,
    dir: '/tmp/lab',
    formats: [],
    deviceLooks: true,
    memory: null,
    selftests: [],
  };
}

describe('a machine that counts instructions', () => {
  it.each([
    ['an emulated one', FILES, 'tcg', true],
    ['not one on KVM', FILES, 'kvm', false],
    ['not one with guests', GUESTS, 'tcg', false],
  ] as const)('%s', (_, text, accel, counts) => {
    const { icount, cmdline } = machineConfig(planOf(text, accel), 'key');
    expect(icount).toBe(counts);
    // The kernel must not measure what is known.
    expect(cmdline.includes('tsc_early_khz=1000000')).toBe(counts);
  });
});
