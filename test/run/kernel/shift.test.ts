// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { KernelImage } from '../../../src/model/kernel/image.js';
import { moved } from '../../../src/run/kernel/format.js';
import { findShift, movesItself, shiftOf } from '../../../src/run/kernel/shift.js';
import { pageLayout, readVmcoreinfo } from '../../../src/run/kernel/vmcoreinfo.js';
import { TaintPlace } from '../../../src/run/taint/place.js';
import { FakeMemory, PageTables } from '../../qemu/fake-memory.js';

const ROOT = 0x10_0000;
const PHYS = 0x300_0000;
const TEXT = 0xffff_ffff_8100_0000n;
const BANNER = TEXT + 0x1000n;
const TAINT = TEXT + 0x2000n;
const INFO = TEXT + 0x3000n;
const SHIFT = 0x1a20_0000n;
const SYMBOLS = [
  ['_text', TEXT],
  ['linux_banner', BANNER],
  ['tainted_mask', TAINT],
] as const;

/** A kernel of 4 MiB that moved itself, and its page tables. */
function machine(shift: bigint) {
  const memory = new FakeMemory(64 << 20);
  const tables = new PageTables(memory, ROOT, 0x20_0000);
  for (const at of [0, 1]) tables.map(TEXT + shift + BigInt(at << 21), PHYS + (at << 21), 21);
  memory.write(PHYS + 0x1000, Buffer.from('Linux version 7.3.4 (lab@lab)\n\0'));
  memory.writeU64(PHYS + 0x2000, 0x200n);
  return { memory, tables, registers: { cr3: BigInt(ROOT), cr4: 0n } };
}

function kernelWith(config: string | null): KernelImage {
  const dir = mkdtempSync(join(tmpdir(), 'lab-shift-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const map = SYMBOLS.map(([name, address]) => `${address.toString(16)} T ${name}\n`).join('');
  writeFileSync(join(dir, 'System.map'), map);
  if (config !== null) writeFileSync(join(dir, 'config'), config);
  return {
    name: 'k',
    release: '7.3.4',
    systemMap: join(dir, 'System.map'),
    config: config === null ? null : join(dir, 'config'),
    vmlinux: null,
  } as KernelImage;
}

describe('a kernel that moves itself', () => {
  it.each([0n, SHIFT])('is found by its page tables and its banner (moved by %s)', (shift) => {
    const { memory, registers } = machine(shift);
    expect(findShift(memory, registers, { text: TEXT, banner: BANNER })).toBe(shift);
  });

  it('is not found where its banner is not, which is another kernel or none', () => {
    const { memory, registers } = machine(SHIFT);
    memory.write(PHYS + 0x1000, Buffer.from('Linux verse'));
    expect(findShift(memory, registers, { text: TEXT, banner: BANNER })).toBeNull();
    expect(findShift(new FakeMemory(64 << 20), registers, { text: TEXT, banner: BANNER })).toBeNull();
  });

  it('is looked for only if its configuration says that it may move', () => {
    const { memory, registers } = machine(SHIFT);
    const [random, fixed, unknown] = ['CONFIG_RANDOMIZE_BASE=y\n', '# CONFIG_RANDOMIZE_BASE is not set\n', null].map(
      kernelWith,
    );
    expect([random, fixed, unknown].map((kernel) => kernel !== undefined && movesItself(kernel))).toEqual([
      true,
      false,
      false,
    ]);
    expect(shiftOf(random, memory, registers)).toBe(SHIFT);
    expect(shiftOf(fixed, memory, registers)).toBe(0n);
  });

  it('shows its tainted_mask', () => {
    const { memory, registers } = machine(SHIFT);
    const place = TaintPlace.find(memory, registers, kernelWith(null));
    expect(place instanceof TaintPlace ? place.read() : place).toBe(0x200n);
  });

  it('has its handover data as far away as itself', () => {
    const format = { structures: [], khoOut: { start: 1n, end: 9n }, machineKexec: 20n, handlers: null };
    expect(moved(format, 0n)).toBe(format);
    expect(moved({ ...format, handlers: 5n }, 100n)).toEqual({
      structures: [],
      khoOut: { start: 101n, end: 109n },
      machineKexec: 120n,
      handlers: 105n,
    });
  });
});

describe('VMCOREINFO', () => {
  const read = (text: string, pointer = TEXT + 0x10_0000n) => {
    const { memory } = machine(0n);
    memory.writeU64(PHYS + 0x3000, pointer);
    memory.write(PHYS + 0x10_0000, Buffer.from(text));
    return readVmcoreinfo(memory, { table: ROOT, levels: 4 }, INFO);
  };

  it('tells the layout of struct page', () => {
    const info = read('OSRELEASE=7.3.4\nSIZE(page)=64\nOFFSET(page.private)=40\nKERNELOFFSET=1a200000\n\0rest');
    expect(info?.get('KERNELOFFSET')).toBe('1a200000');
    expect(info && pageLayout(info)).toEqual({ size: 64, marks: 40 });
  });

  it('tells nothing where the kernel writes something else', () => {
    expect(read('hello\n')).toBeNull();
    expect(read('OSRELEASE=1\n', 0x1234n)).toBeNull();
    const info = read('OSRELEASE=1\nSIZE(page)=-1\nnothing\nOFFSET(page.private)=99999999999\n');
    expect(info && pageLayout(info)).toEqual({ size: null, marks: null });
  });
});
