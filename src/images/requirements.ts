// SPDX-License-Identifier: Apache-2.0
// Lists what the lab needs on its host, and the Debian package of each. As root, it installs what is missing; otherwise
// it prints the command to run. The check runs before every run, so it takes only a few system calls.
import { accessSync, closeSync, constants, existsSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { startChild } from '../util/process/child.js';
import { commandError, type CommandResult, lastLines } from '../util/process/command.js';
import { LabError } from '../util/errors.js';
import { type ImageContext, openWorkspace, type Workspace } from './context.js';
import { withLock } from '../util/process/lock.js';
import { readJson } from '../util/read-json.js';
import { replaceFile } from '../util/replace-file.js';

/**
 * What a tool is for: running a machine, making a root file system, fetching source through apt, unpacking it, building
 * a kernel, what one with certificates or with the configuration of a distribution needs besides, signing it, and so
 * on.
 */
export type Purpose =
  'run' | 'rootfs' | 'fetch' | 'unpack' | 'build' | 'certificates' | 'distribution' | 'sign' | 'git' | 'test';

export interface HostTool {
  name: string;
  package: string;
  purposes: Purpose[];
  /** The lab works without it, but less well. */
  optional?: true;
  /** Returns the path; null if it is missing. */
  find: () => string | null;
}

const MULTIARCH = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }[process.arch as string] ?? '';

/** Folders of programs: PATH, and those that only root's PATH includes. */
function programFolders(): string[] {
  const path = (process.env['PATH'] ?? '').split(':').filter((dir) => dir.startsWith('/'));
  return [...new Set([...path, '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'])];
}

export function findProgram(name: string): string | null {
  for (const dir of programFolders()) {
    const path = join(dir, name);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      // Not here.
    }
  }
  return null;
}

/** PATH for the lab's child processes, including these folders. */
export function programPath(): string {
  return programFolders().join(':');
}

const program = (name: string, pkg: string, ...purposes: Purpose[]): HostTool => ({
  name,
  package: pkg,
  purposes,
  find: () => findProgram(name),
});

const file = (name: string, pkg: string, places: string[], ...purposes: Purpose[]): HostTool => ({
  name,
  package: pkg,
  purposes,
  find: () => places.find((place) => existsSync(place)) ?? null,
});

export const HOST_TOOLS: readonly HostTool[] = [
  program('qemu-system-x86_64', 'qemu-system-x86', 'run'),
  program('setpriv', 'util-linux', 'run'),
  { ...program('bwrap', 'bubblewrap', 'run', 'build'), optional: true },
  program('flock', 'util-linux', 'rootfs', 'unpack', 'build'),
  {
    name: 'busybox (static)',
    package: 'busybox-static',
    purposes: ['rootfs'],
    find: () => {
      const path = findProgram('busybox');
      return path !== null && isStaticElf(path) ? path : null;
    },
  },
  program('dropbear', 'dropbear-bin', 'rootfs'),
  program('dropbearkey', 'dropbear-bin', 'rootfs'),
  program('gcc', 'gcc', 'rootfs', 'build'),
  file(
    'libc.a',
    'libc6-dev',
    [`/usr/lib/${MULTIARCH}/libc.a`, '/usr/lib64/libc.a', '/usr/lib/libc.a'],
    'rootfs',
    'build',
  ),
  program('apt-get', 'apt', 'fetch'),
  program('dpkg-deb', 'dpkg', 'fetch'),
  program('dpkg-source', 'dpkg-dev', 'fetch'),
  program('tar', 'tar', 'unpack'),
  program('xz', 'xz-utils', 'unpack'),
  file(
    'debian-archive-keyring.gpg',
    'debian-archive-keyring',
    ['/usr/share/keyrings/debian-archive-keyring.gpg'],
    'fetch',
  ),
  program('make', 'make', 'build'),
  program('ld', 'binutils', 'build'),
  program('flex', 'flex', 'build'),
  program('bison', 'bison', 'build'),
  program('bc', 'bc', 'build'),
  program('ccache', 'ccache', 'build'),
  program('patch', 'patch', 'build'),
  program('perl', 'perl', 'build'),
  file('gelf.h', 'libelf-dev', ['/usr/include/gelf.h'], 'build'),
  program('openssl', 'openssl', 'certificates', 'sign'),
  file('opensslv.h', 'libssl-dev', ['/usr/include/openssl/opensslv.h'], 'certificates'),
  program('sbsign', 'sbsigntool', 'sign'),
  program('zstd', 'zstd', 'distribution'),
  program('git', 'git', 'git'),
  program('redis-server', 'redis-server', 'test'),
  program('chromium', 'chromium', 'test'),
];

export interface ToolState {
  name: string;
  package: string;
  purposes: Purpose[];
  optional: boolean;
  path: string | null;
}

/** Lists the tools for the purposes, with their paths. */
export function hostTools(purposes?: readonly Purpose[], tools: readonly HostTool[] = HOST_TOOLS): ToolState[] {
  return tools
    .filter((tool) => !purposes || tool.purposes.some((purpose) => purposes.includes(purpose)))
    .map(({ name, package: pkg, purposes: of, optional = false, find }) => ({
      name,
      package: pkg,
      purposes: of,
      optional,
      path: find(),
    }));
}

/** Makes sure that QEMU, and what starts it, is there. */
export async function ensureHostTools(context: ImageContext): Promise<void> {
  if (hostTools(['run']).every((tool) => tool.path !== null)) return;
  await ensureTools(['run'], openWorkspace(context));
}

/** What a first run may need. One line installs all of it. */
const FIRST_RUN: readonly Purpose[] = ['run', 'rootfs', 'fetch', 'unpack', 'build'];

/** Installs missing tools if it may; otherwise throws an error with the command to run. */
export async function ensureTools(
  purposes: readonly Purpose[],
  work: Workspace,
  tools: readonly HostTool[] = HOST_TOOLS,
): Promise<void> {
  await ensureRequired(purposes, work, tools);
  await installOptional(
    missingOf(purposes, tools).filter((tool) => tool.optional),
    work,
  );
}

async function ensureRequired(
  purposes: readonly Purpose[],
  work: Workspace,
  tools: readonly HostTool[],
): Promise<void> {
  const missing = () => missingOf(purposes, tools).filter((tool) => !tool.optional);
  const before = missing();
  if (before.length === 0) return;
  const packages = packagesOf(before);
  const root = process.getuid?.() === 0;
  if (findProgram('apt-get') === null) {
    throw new LabError(`missing on this host: ${before.map((tool) => tool.name).join(', ')}`, {
      hint: `install these Debian packages, or their equivalents: ${packages.join(' ')}`,
    });
  }
  if (!root)
    throw new LabError(`missing on this host: ${before.map((tool) => tool.name).join(', ')}`, {
      hint: installLine(packagesOf([...before, ...missingOf(FIRST_RUN, tools)]), 'sudo'),
    });
  await withLock(
    work.cache.lock('host-packages'),
    { signal: work.signal, onWait: () => report(work, 0, 'is waiting for another lab') },
    async () => {
      const now = packagesOf(missing());
      if (now.length > 0) await install(now, work);
    },
  );
  const after = missing();
  if (after.length > 0) {
    throw new LabError(
      `still missing after installing ${packages.join(' ')}: ${after.map((tool) => tool.name).join(', ')}`,
      { hint: installLine(packagesOf(after)) },
    );
  }
}

function missingOf(purposes: readonly Purpose[], tools: readonly HostTool[]): ToolState[] {
  return hostTools(purposes, tools).filter((tool) => tool.path === null);
}

const triedSchema = z.object({ at: z.number() });
/** A host that cannot install a package is asked again after this time. */
const RETRY_MS = 24 * 3600_000;

/** Installs what is optional if root may, and goes on without it if that fails. */
async function installOptional(tools: readonly ToolState[], work: Workspace): Promise<void> {
  if (tools.length === 0 || process.getuid?.() !== 0 || findProgram('apt-get') === null) return;
  const packages = packagesOf(tools);
  const memory = work.cache.fact(`tried-${packages.join('-')}`);
  if (Date.now() - (readJson(memory, triedSchema)?.at ?? 0) < RETRY_MS) return;
  await withLock(work.cache.lock('host-packages'), { signal: work.signal }, async () => {
    if (tools.every((tool) => findProgram(tool.name) !== null)) return;
    await install(packages, work).catch(() => work.signal.throwIfAborted());
    replaceFile(memory, JSON.stringify({ at: Date.now() }));
  });
}

function packagesOf(tools: readonly ToolState[]): string[] {
  return [...new Set(tools.map((tool) => tool.package))].sort();
}

export function installLine(packages: readonly string[], as: 'sudo' | 'root' = 'root'): string {
  const su = as === 'sudo' ? 'sudo ' : '';
  return `${su}apt-get update && ${su}apt-get install -y --no-install-recommends ${packages.join(' ')}`;
}

const TASK = 'install host packages';

function report(work: Workspace, done: number, detail: string): void {
  work.onProgress({ task: TASK, done, of: 100, detail });
}

async function install(packages: string[], work: Workspace): Promise<void> {
  const argv = [
    'apt-get',
    'install',
    '-y',
    '--no-install-recommends',
    '-o',
    `DPkg::Lock::Timeout=${LOCK_SECONDS}`,
    '-o',
    'APT::Status-Fd=3',
    ...packages,
  ];
  report(work, 0, packages.join(' '));
  let result = await apt(argv, work);
  if (result.code !== 0) {
    // There are no package lists yet, or they are too old.
    if (/dpkg was interrupted/.test(result.stderr)) await apt(['dpkg', '--configure', '-a'], work);
    // A failing archive does not matter if the packages come from another one.
    const update = await apt(['apt-get', 'update', '-o', 'APT::Status-Fd=3'], work);
    result = await apt(argv, work);
    if (result.code !== 0 && update.code !== 0) result = { ...result, stderr: `${update.stderr}\n${result.stderr}` };
  }
  if (result.code !== 0) {
    const error = commandError(`cannot install ${packages.join(' ')}`, ['apt-get'], result);
    throw new LabError(error.message, { detail: error.detail, hint: error.hint ?? installLine(packages) });
  }
  report(work, 100, packages.join(' '));
}

/** How long another apt may hold its locks. */
const LOCK_SECONDS = 300;

/** Runs apt. It tries again while another apt holds a lock that apt itself does not wait for (that of the lists). */
async function apt(argv: string[], work: Workspace): Promise<CommandResult> {
  for (const end = Date.now() + LOCK_SECONDS * 1000; ;) {
    const result = await aptOnce(argv, work);
    if (result.code === 0 || !/Could not get lock/.test(result.stderr) || Date.now() > end) return result;
    report(work, 0, 'is waiting for another apt');
    await sleep(2000, undefined, { signal: work.signal });
  }
}

/** Runs apt without the guard: if it were killed half-way, the host's packages would be left broken. */
async function aptOnce(argv: string[], work: Workspace): Promise<CommandResult> {
  const child = startChild(argv, {
    tie: 'none',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C', PATH: programPath() },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    signal: work.signal,
    killSignal: 'SIGINT',
  });
  let output = '';
  const keep = (chunk: Buffer) => (output = (output + chunk.toString('utf8')).slice(-65536));
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  // dlstatus:N:PERCENT:TEXT while it fetches, pmstatus:PACKAGE:PERCENT:TEXT while it installs.
  child.third?.on('data', (chunk: Buffer) => {
    const line = chunk.toString('utf8').trimEnd().split('\n').at(-1) ?? '';
    const [kind, , percent, ...text] = line.split(':');
    if (kind === 'dlstatus') report(work, Number(percent) / 2 || 0, text.join(':').trim());
    if (kind === 'pmstatus') report(work, 50 + (Number(percent) / 2 || 0), text.join(':').trim());
  });
  return { ...(await child.ended), stdout: '', stderr: lastLines(output, 60) };
}

/** Is this an ELF file without an interpreter? */
export function isStaticElf(path: string): boolean {
  const fd = openSync(path, 'r');
  try {
    const head = Buffer.alloc(64);
    if (readSync(fd, head, 0, 64, 0) < 64 || head.readUInt32BE(0) !== 0x7f454c46 || head[4] !== 2) return false;
    const offset = Number(head.readBigUInt64LE(0x20));
    const size = head.readUInt16LE(0x36);
    const count = head.readUInt16LE(0x38);
    if (size < 56 || !Number.isSafeInteger(offset)) return false;
    const table = Buffer.alloc(size * count);
    if (readSync(fd, table, 0, table.length, offset) < table.length) return false;
    for (let i = 0; i < count; i++) if (table.readUInt32LE(i * size) === 3) return false;
    return true;
  } finally {
    closeSync(fd);
  }
}
