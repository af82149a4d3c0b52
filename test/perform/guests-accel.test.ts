// SPDX-License-Identifier: Apache-2.0
// A scenario with guests runs on KVM only where its guests can: otherwise under TCG, or not at all.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { NestedKvm } from '../../src/host/kvm/nested.js';
import type { KernelImage } from '../../src/model/kernel/image.js';
import { accelFor } from '../../src/perform/guests-accel.js';
import { loadScenario } from '../../src/scenario/index.js';
import { temporaryFolder } from '../util/temporary.js';

const folder = fileURLToPath(new URL('../../scenarios', import.meta.url));
const withGuest = () => loadScenario(join(folder, 'guests/survives.yaml'), {});
const without = () => loadScenario(join(folder, 'first-update.yaml'), {});

const KVM = { accel: 'kvm', why: 'a kernel reached user space on KVM' } as const;
const SVM: NestedKvm = { gives: 'svm' };
const VMX: NestedKvm = { gives: 'vmx' };
const NOTHING: NestedKvm = { gives: 'nothing', why: 'nested=0', hint: 'nested=1' };
const UNKNOWN: NestedKvm = { gives: 'unknown', why: 'nobody says', hint: 'look' };

function kernel(...options: string[]): KernelImage {
  const config = join(temporaryFolder(), 'config');
  writeFileSync(config, options.map((option) => `${option}=y\n`).join(''));
  return {
    name: '7.3.4',
    release: '7.3.4',
    bzImage: '/k',
    vmlinux: null,
    config,
    systemMap: null,
    components: [],
    listed: null,
    versions: [],
    known: true,
    notes: [],
    sha256: '0',
    cacheDir: null,
  };
}
const amd = () => kernel('CONFIG_KVM', 'CONFIG_KVM_AMD');

it('guests run on KVM if the host passes on what the kernels drive', async () => {
  for (const wanted of ['auto', 'kvm'] as const)
    expect(accelFor(await withGuest(), [amd()], { wanted, answer: KVM, nested: () => SVM })).toBe(KVM);
});

it.each([
  ['the host passes on nothing', NOTHING, 'nested=0'],
  ['nobody knows', UNKNOWN, 'nobody says'],
  ['the kernels do not drive this processor', VMX, 'CONFIG_KVM_INTEL'],
])('auto takes TCG for guests and says why: %s', async (_, host, why) => {
  const answer = accelFor(await withGuest(), [amd()], { wanted: 'auto', answer: KVM, nested: () => host });
  expect(answer.accel).toBe('tcg');
  expect(answer.why).toContain(why);
});

it('without guests, KVM stays KVM, and nobody asks', async () => {
  const nested = () => expect.fail('asked');
  expect(accelFor(await without(), [amd()], { wanted: 'auto', answer: KVM, nested })).toBe(KVM);
});

it('under TCG nobody asks', async () => {
  const answer = { accel: 'tcg', why: 'requested' } as const;
  const nested = () => expect.fail('asked');
  expect(accelFor(await withGuest(), [amd()], { wanted: 'tcg', answer, nested })).toBe(answer);
});

it.each([
  ['the host passes on nothing', NOTHING, 'nested=0'],
  ['the kernels do not drive this processor', VMX, 'CONFIG_KVM_INTEL'],
])('--accel kvm is refused before anything starts: %s', async (_, host, why) => {
  const scenario = await withGuest();
  expect(() => accelFor(scenario, [amd()], { wanted: 'kvm', answer: KVM, nested: () => host })).toThrow(why);
});

it('--accel kvm is tried where nobody knows', async () => {
  expect(accelFor(await withGuest(), [amd()], { wanted: 'kvm', answer: KVM, nested: () => UNKNOWN })).toBe(KVM);
});

it('a kernel without any KVM, or of an unknown configuration, is no obstacle', async () => {
  const choice = { wanted: 'auto', answer: KVM, nested: () => VMX } as const;
  expect(accelFor(await withGuest(), [kernel()], choice)).toBe(KVM);
  expect(accelFor(await withGuest(), [{ ...amd(), config: null }], choice)).toBe(KVM);
  expect(accelFor(await withGuest(), [kernel('CONFIG_KVM', 'CONFIG_KVM_INTEL')], choice)).toBe(KVM);
});
