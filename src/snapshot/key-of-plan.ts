// SPDX-License-Identifier: Apache-2.0
// The key of the ladder that a run can start from.
import { cpus } from 'node:os';
import { cmdlineOf, machineConfig, type RunPlan } from '../run/index.js';
import { keyedOperations, ladderKey } from './key.js';
import type { QemuBuild } from './qemu-build.js';

/**
 * At `booted` nothing of the scenario has happened yet, so scenarios with the same machine share its ladder.
 * @param rung the last rung that the scenario can start from
 */
export function keyOfPlan(plan: RunPlan, rung: 'booted' | 'jump', qemu: QemuBuild): string {
  const { scenario, kernels, rootfs } = plan;
  const epochs = kernels
    .slice(0, rung === 'booted' ? 1 : 2)
    .map(({ sha256 }, epoch) => ({ kernel: sha256, cmdline: cmdlineOf(plan, epoch) }));
  return ladderKey({
    config: machineConfig(plan),
    contents: new Map([
      ...kernels.map(({ bzImage, sha256 }) => [bzImage, sha256] as const),
      [rootfs.path, rootfs.sha256],
    ]),
    epochs,
    qemu,
    hostCpu: cpus()[0]?.model ?? '',
    operations: rung === 'booted' ? [] : keyedOperations(scenario.steps.filter(({ epoch }) => epoch === 0)),
    settings: rung === 'booted' ? { rung } : { rung, policy: scenario.policy, recovers: scenario.recover !== null },
  });
}
