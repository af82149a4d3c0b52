// SPDX-License-Identifier: Apache-2.0
// Machines that are plainly too small are told so before anything is started. The rows are runs that were made: those
// that are refused here ran out of memory.
import { describe, expect, it } from 'vitest';
import type { KernelImage } from '../../../src/model/kernel/image.js';
import { missingMemory } from '../../../src/run/machine/memory-shortage.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { KERNELS } from '../../compat/predict/kernels.js';

const INITRAMFS = 8_620_196;

function kernel(name: '7.2.12' | '7.3.4', initSize: number, runtime: number): KernelImage {
  const facts = KERNELS[name];
  return {
    name,
    release: facts.release,
    bzImage: '',
    vmlinux: null,
    config: null,
    systemMap: null,
    components: [],
    listed: null,
    versions: [...facts.versions],
    known: true,
    notes: [],
    boot: { initSize, runtime, handoverDebug: true },
    sha256: '',
    cacheDir: null,
  };
}

const KERNEL_PAIR = [kernel('7.2.12', 14_950_400, 0xc40000), kernel('7.3.4', 12_808_192, 0xa38000)];

function lacks(memory: string, size: string, more = '', expected = 'preserved') {
  const text =
    `from: a\nto: b\nmachine: {memory: ${memory}}\n` +
    `${more}sessions: [{name: vm0, files: [{name: ram, memfd: ${size}}]}]\nexpect: ${expected}\n`;
  return missingMemory(parseScenario(text, 'small.yaml'), KERNEL_PAIR, INITRAMFS);
}

describe('a machine', () => {
  it.each([
    ['256MiB', '1MiB', false],
    ['256MiB', '16MiB', false],
    ['288MiB', '4MiB', false],
    ['288MiB', '16MiB', false],
    ['320MiB', '40MiB', false],
    ['320MiB', '48MiB', false],
    ['320MiB', '24MiB', true],
    ['320MiB', '32MiB', true],
    ['512MiB', '64MiB', true],
    ['1GiB', '300MiB', true],
    ['4GiB', '1GiB', true],
  ])('of %s with %s to preserve is large enough: %s', (memory, size, enough) =>
    expect(lacks(memory, size)).toHaveLength(enough ? 0 : 1),
  );

  it('that is too small is rejected with what is missing and what helps', () => {
    const [lack] = lacks('256MiB', '16MiB');
    expect(lack?.pos).toEqual({ file: 'small.yaml', line: 3, column: 11 });
    expect(lack?.message).toMatch(/^a machine of 256 MiB is \d+ MiB too small: 208 MiB become scratch, /);
    expect(lack?.message).toMatch(
      /, which leaves \d+ MiB beside the kernel, and \d+ MiB are needed \(.*preserved 16\)$/,
    );
    expect(lack?.hint).toContain('kho_scratch=');
  });

  it('has what a step adds, unless its kernel does not take it', () => {
    const lacksWith = (errno: string) => {
      const steps =
        `[{hotplug-memory: {size: 128MiB${errno}}}, {create: s}, {memfd: {name: ram, size: 100MiB}}, ` +
        '{preserve: {session: s, file: ram, token: 1}}, kexec]';
      const text = `from: a\nto: b\nmachine: {memory: 320MiB}\nsteps: ${steps}\nexpect: preserved\n`;
      return missingMemory(parseScenario(text, 'added.yaml'), KERNEL_PAIR, INITRAMFS).length;
    };
    expect([lacksWith(''), lacksWith(', errno: ENODEV')]).toEqual([0, 1]);
  });

  it('of 256 MiB is large enough with less scratch', () =>
    expect(lacks('256MiB', '64MiB', 'cmdline: {from: "kho_scratch=0,48M,0"}\n')).toEqual([]));

  it('sets nothing aside with kho=off', () =>
    expect(lacks('256MiB', '16MiB', 'cmdline: {from: "kho=off"}\n', 'refused')).toEqual([]));

  it('may be too small for its files if the scenario expects a failure', () => {
    expect(lacks('1GiB', '800MiB', '', 'lost')).toEqual([]);
    expect(lacks('1GiB', '800MiB')).toHaveLength(1);
  });
});
