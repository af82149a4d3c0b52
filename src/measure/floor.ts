// SPDX-License-Identifier: Apache-2.0
// The least time that a live update can take: the same two kernels and the same work, with a bare init and QEMU alone.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpioArchive } from '../images/build/cpio.js';
import type { KernelImage } from '../model/kernel/image.js';
import { packageRoot } from '../util/package-root.js';
import { startChild } from '../util/process/child.js';
import { mustRun } from '../util/process/command.js';

export interface Floor {
  args: string[];
}

/** Compiles the bare init and builds its initramfs in `dir`. */
export async function prepareFloor(dir: string, from: KernelImage, to: KernelImage): Promise<Floor> {
  const program = join(dir, 'floor');
  const source = join(packageRoot(), 'lab/floor/floor.c');
  await mustRun(['gcc', '-O2', '-static', '-s', '-o', program, source], 'cannot build the floor');
  const base = [
    { kind: 'dir', path: 'dev', mode: 0o755 },
    { kind: 'dir', path: 'proc', mode: 0o755 },
    { kind: 'char', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
    { kind: 'file', path: 'init', mode: 0o755, data: readFileSync(program) },
  ] as const;
  const second = cpioArchive(base);
  const initrd = join(dir, 'floor.cpio');
  writeFileSync(
    initrd,
    cpioArchive([
      ...base,
      { kind: 'file', path: 'next', mode: 0o644, data: readFileSync(to.bzImage) },
      { kind: 'file', path: 'initrd', mode: 0o644, data: second },
    ]),
  );
  return {
    args: [
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
      '-machine',
      'q35',
      '-accel',
      'tcg',
      '-cpu',
      'max,la57=off,erms=off',
      '-smp',
      '2',
      '-m',
      '1024',
      '-kernel',
      from.bzImage,
      '-initrd',
      initrd,
      '-append',
      'console=ttyS0 panic=-1 nokaslr kho=on liveupdate=on',
      '-serial',
      'stdio',
      '-no-reboot',
    ],
  };
}

/** One run; milliseconds of the whole process. Rejects if the update did not work. */
export async function runFloor(floor: Floor): Promise<number> {
  const began = performance.now();
  const child = startChild(['qemu-system-x86_64', ...floor.args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    tie: 'dies-with-lab',
  });
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text = (text + chunk.toString('latin1')).slice(-65536)));
  await child.ended;
  if (!text.includes('FLOOR OK bad=0')) throw new Error(`the floor did not work:\n${text.slice(-2000)}`);
  return performance.now() - began;
}
