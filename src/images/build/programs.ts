// SPDX-License-Identifier: Apache-2.0
// Builds the lab's programs for the machine. Each folder below becomes one program, from all .c files in it and in its
// sub-folders.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandError, lastLines, runCommand } from '../../util/process/command.js';
import { LabError } from '../../util/errors.js';
import { packageRoot } from '../../util/package-root.js';
import type { Workspace } from '../context.js';
import { type CpioEntry, cpioArchive } from './cpio.js';
import { programPath } from '../requirements.js';

export interface Program {
  /** Relative to lab/. */
  folder: string;
  /** Path in the machine. */
  path: string;
  /** Headers that it uses from elsewhere in lab/. */
  also: readonly string[];
  flags: readonly string[];
  /** Linker script in its folder. */
  script?: string;
  /** The program is the init of a separate initramfs, and the machine gets that initramfs. */
  initramfs?: true;
}

const STATIC = ['-O2', '-static', '-Wall', '-s'];
/** No C library: the machine unpacks the initramfs at every boot. */
const SMALL = [
  '-O2',
  '-static',
  '-Wall',
  '-s',
  '-ffreestanding',
  '-nostdlib',
  '-fno-stack-protector',
  '-fno-tree-loop-distribute-patterns',
  '-Wl,--build-id=none',
];
/** No C library, no relocations, and no SSE registers except in hand-written code. */
const BARE = [
  '-O2',
  '-static',
  '-Wall',
  '-ffreestanding',
  '-nostdlib',
  '-fno-pic',
  '-no-pie',
  '-mcmodel=large',
  '-mno-red-zone',
  '-mgeneral-regs-only',
  '-fno-stack-protector',
  '-fno-asynchronous-unwind-tables',
  '-Wl,--build-id=none',
];

export const PROGRAMS: readonly Program[] = [
  { folder: 'init', path: 'init', also: [], flags: STATIC },
  {
    folder: 'agent',
    path: 'bin/agent',
    also: ['kernel/object/include/uapi/linux/labobj.h', 'guest/bare/layout.h', 'guest/bare/chain.h'],
    flags: STATIC,
  },
  { folder: 'keeper', path: 'bin/keeper', also: [], flags: SMALL },
  { folder: 'guest/bare', path: 'lib/lab/guest-bare.bin', also: [], flags: BARE, script: 'bare.ld' },
  { folder: 'guest/linux', path: 'lib/lab/guest-linux.cpio', also: [], flags: STATIC, initramfs: true },
];

/** A source file of a program: its path, and its path below lab/. */
export interface SourceFile {
  path: string;
  name: string;
}

/** Lists all source files of a program, in an order that does not depend on the file system. */
export function sourcesOf({ folder, also, script }: Program, lab = join(packageRoot(), 'lab')): SourceFile[] {
  const found = readdirSync(join(lab, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.[ch]$/.test(name))
    .sort();
  if (!found.some((name) => name.endsWith('.c'))) throw new LabError(`no .c file in ${join(lab, folder)}`);
  const own = [...found, ...(script === undefined ? [] : [script])].map((name) => join(folder, name));
  return [...own, ...also].map((name) => ({ path: join(lab, name), name }));
}

/** Compiles a program to `out`, and returns what the machine gets. */
export async function compileProgram(program: Program, out: string, work: Workspace, holdFd: number): Promise<Buffer> {
  const dir = join(packageRoot(), 'lab', program.folder);
  const sources = sourcesOf(program)
    .filter(({ name }) => name.endsWith('.c'))
    .map(({ path }) => path);
  const script = program.script === undefined ? [] : ['-T', join(dir, program.script)];
  const argv = ['gcc', ...program.flags, `-I${dir}`, ...script, '-o', out, ...sources];
  const result = await runCommand(argv, {
    signal: work.signal,
    holdFd,
    env: { PATH: programPath(), LC_ALL: 'C', TMPDIR: process.env['TMPDIR'] },
  });
  if (result.code !== 0) {
    const error = commandError(`lab/${program.folder} does not compile`, argv, result);
    throw new LabError(error.message, { detail: lastLines(result.stderr, 30), hint: error.hint });
  }
  const made = readFileSync(out);
  return program.initramfs ? cpioArchive(initramfs(made)) : made;
}

function initramfs(init: Buffer): CpioEntry[] {
  return [
    { kind: 'dir', path: 'dev', mode: 0o755 },
    { kind: 'char', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
    { kind: 'dir', path: 'proc', mode: 0o755 },
    { kind: 'file', path: 'init', mode: 0o755, data: init },
  ];
}
