// SPDX-License-Identifier: Apache-2.0
// Builds the initramfs: busybox, dropbear, and the lab's programs. It is not compressed, because unpacking is slow on
// an emulated processor.
import { mkdirSync, readFileSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { RootFs } from '../../model/kernel/image.js';
import { mustRun } from '../../util/process/command.js';
import { LabError } from '../../util/errors.js';
import { withLock } from '../../util/process/lock.js';
import { readJson } from '../../util/read-json.js';
import { keyOf, onDisk, sha256, writeJson } from '../cache/cache.js';
import { compilerVersion, fileIdentity } from './compiler.js';
import { type ImageContext, openWorkspace, type Workspace } from '../context.js';
import { type CpioEntry, cpioArchive } from './cpio.js';
import { ensureTools, findProgram, isStaticElf, programPath } from '../requirements.js';
import { pullRootFs } from '../store/pull.js';
import { tryStore } from '../store/try-store.js';
import { compileProgram, PROGRAMS, sourcesOf } from './programs.js';
import { replaceFile } from '../../util/replace-file.js';

/** Increased when the same inputs would give another archive. */
const RECIPE = 4;
const TASK = 'make the root file system';

const TEXTS: Record<string, string> = {
  'etc/passwd': 'root:*:0:0:root:/root:/bin/sh\n',
  'etc/group': 'root:x:0:\n',
  'etc/shells': '/bin/sh\n',
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nshadow: files\n',
  'etc/hostname': 'lab\n',
};

const storedSchema = z.object({
  schema: z.literal(1),
  sha256: z.string(),
  size: z.number(),
  /** The image store that it came from. */
  from: z.string().optional(),
});
type Stored = z.infer<typeof storedSchema>;

export async function ensureRootFs(context: ImageContext): Promise<RootFs> {
  const work = openWorkspace(context);
  work.signal.throwIfAborted();
  const ready = currentRootFs(work);
  if (ready) return ready;
  await ensureTools(['rootfs'], work);
  return onDisk(work.cache, () => makeUnderLock(work));
}

function makeUnderLock(work: Workspace): Promise<RootFs> {
  const onWait = () => work.onProgress({ task: TASK, done: 0, of: null, detail: 'is waiting for another lab' });
  return withLock(work.cache.lock('rootfs'), { signal: work.signal, onWait }, async (lock) => {
    const before = quickKey();
    const inputs = await collectInputs(work);
    const key = keyFor(inputs);
    const rootfs = readRootFs(key, work) ?? (await fromStore(key, work)) ?? (await make(key, inputs, work, lock.fd));
    // Somebody may be editing the agent right now, so store only what did not change meanwhile.
    if (before !== null && before === quickKey()) writeJson(work.cache.fact(before), { key });
    return rootfs;
  });
}

const keyFor = (inputs: Inputs) => keyOf(['rootfs', RECIPE, PROGRAMS, TEXTS, inputs.contents]);

/** Key of the root file system that this host would make. */
export async function rootFsKey(work: Workspace): Promise<string> {
  await ensureTools(['rootfs'], work);
  return keyFor(await collectInputs(work));
}

async function fromStore(key: string, work: Workspace): Promise<RootFs | null> {
  const beside = work.cache.rootfs(`.${key}.store`);
  rmSync(beside, { recursive: true, force: true });
  const taken = await tryStore('root file system', work, (store) => {
    mkdirSync(beside, { recursive: true });
    return pullRootFs(key, beside, store, work);
  });
  rmSync(beside, { recursive: true, force: true });
  return taken ? readRootFs(key, work) : null;
}

/** Returns the root file system if it is already in the cache. Its inputs are identified without reading them. */
export function currentRootFs(work: Workspace): RootFs | null {
  const quick = quickKey();
  const known = quick === null ? null : readJson(work.cache.fact(quick), z.object({ key: z.string() }));
  return known && readRootFs(known.key, work);
}

function readRootFs(key: string, work: Workspace): RootFs | null {
  const path = join(work.cache.rootfs(key), 'initramfs.cpio');
  const stored = readJson(join(work.cache.rootfs(key), 'image.json'), storedSchema);
  if (stored === null || statSync(path, { throwIfNoEntry: false })?.size !== stored.size) return null;
  const { sha256: hash, size, from } = stored;
  return { path, sha256: hash, size, ...(from === undefined ? {} : { from }) };
}

/** Programs of the host that go into the archive, with their paths there. */
const HOST_PROGRAMS: readonly { name: string; path: string }[] = [
  { name: 'busybox', path: 'bin/busybox' },
  { name: 'dropbear', path: 'sbin/dropbear' },
];

/** Key of everything that determines the archive, by identity alone; null if something is missing. */
function quickKey(): string | null {
  const tools = [...HOST_PROGRAMS.map((program) => program.name), 'gcc', 'ld'].map(findProgram);
  if (tools.includes(null)) return null;
  const files = [
    ...tools.filter((path) => path !== null),
    ...PROGRAMS.flatMap((program) => sourcesOf(program).map(({ path }) => path)),
  ];
  try {
    // The loader's cache changes with the libraries that dropbear needs.
    return keyOf(['rootfs', RECIPE, PROGRAMS, TEXTS, files.map(fileIdentity), identityIfThere('/etc/ld.so.cache')]);
  } catch {
    return null;
  }
}

function identityIfThere(path: string): string {
  try {
    return fileIdentity(path);
  } catch {
    return '';
  }
}

interface Inputs {
  /** Files of the host: path in the archive to content. */
  files: Map<string, Buffer>;
  applets: string[];
  /** Everything that the key covers. */
  contents: unknown;
}

async function collectInputs(work: Workspace): Promise<Inputs> {
  const files = new Map<string, Buffer>();
  for (const { name, path } of HOST_PROGRAMS) {
    const host = findProgram(name);
    if (host === null) throw new LabError(`this host has no ${name}`);
    files.set(path, readFileSync(host));
    if (!isStaticElf(realpathSync(host)))
      for (const library of await librariesOf(host, work)) files.set(library.slice(1), readFileSync(library));
  }
  const applets = await busyboxApplets(work);
  const sources = PROGRAMS.map((program) =>
    sourcesOf(program).map(({ path, name }) => [name, sha256(readFileSync(path))]),
  );
  return {
    files,
    applets,
    contents: [[...files].map(([path, data]) => [path, sha256(data)]), applets, sources, await compilerVersion(work)],
  };
}

/** Lists what the loader would load for a program, including the loader itself, with the paths that it uses. */
async function librariesOf(program: string, work: Workspace): Promise<string[]> {
  const { stdout } = await mustRun(['ldd', program], `cannot list the libraries of ${program}`, {
    signal: work.signal,
    env: { PATH: programPath(), LC_ALL: 'C' },
  });
  return parseLdd(stdout, program);
}

export function parseLdd(output: string, program: string): string[] {
  return output.split('\n').flatMap((line) => {
    if (/=> not found/.test(line)) throw new LabError(`${program} cannot run on this host: ${line.trim()}`);
    const match = /^\s*(?:\S+ => )?(\/\S+) \(0x[0-9a-f]+\)$/.exec(line);
    return match?.[1] ? [match[1]] : [];
  });
}

async function busyboxApplets(work: Workspace): Promise<string[]> {
  const { stdout } = await mustRun(
    [findProgram('busybox') ?? 'busybox', '--list-full'],
    'cannot list the applets of busybox',
    { signal: work.signal },
  );
  return stdout.split('\n').filter((path) => /^[\w./[-]+$/.test(path) && !path.startsWith('/') && !path.includes('..'));
}

async function make(key: string, inputs: Inputs, work: Workspace, holdFd: number): Promise<RootFs> {
  const beside = work.cache.rootfs(`.${key}.partial`);
  rmSync(beside, { recursive: true, force: true });
  mkdirSync(beside, { recursive: true });
  const files = new Map(inputs.files);
  for (const [index, program] of PROGRAMS.entries()) {
    work.onProgress({ task: TASK, done: index, of: PROGRAMS.length + 1, detail: `compiling lab/${program.folder}` });
    files.set(program.path, await compileProgram(program, join(beside, 'program'), work, holdFd));
  }
  work.onProgress({ task: TASK, done: PROGRAMS.length, of: PROGRAMS.length + 1, detail: 'writing the archive' });
  const archive = cpioArchive(layOut(files, inputs.applets));
  replaceFile(join(beside, 'initramfs.cpio'), archive);
  writeJson(join(beside, 'image.json'), { schema: 1, sha256: sha256(archive), size: archive.length } satisfies Stored);
  rmSync(join(beside, 'program'), { force: true });
  rmSync(work.cache.rootfs(key), { recursive: true, force: true });
  renameSync(beside, work.cache.rootfs(key));
  work.onProgress({ task: TASK, done: PROGRAMS.length + 1, of: PROGRAMS.length + 1 });
  const made = readRootFs(key, work);
  if (!made) throw new LabError('the root file system was made, but is missing from the cache');
  return made;
}

/** Lists all entries; each folder comes before its content. */
function layOut(files: ReadonlyMap<string, Buffer>, applets: readonly string[]): CpioEntry[] {
  const entries: CpioEntry[] = [];
  const made = new Set<string>();
  const folder = (path: string, mode = 0o755) => {
    if (path === '' || made.has(path)) return;
    folder(path.split('/').slice(0, -1).join('/'));
    made.add(path);
    entries.push({ kind: 'dir', path, mode });
  };
  const folderOf = (path: string) => folder(path.split('/').slice(0, -1).join('/'));
  folder('root', 0o700);
  folder('tmp', 0o1777);
  for (const path of ['dev', 'proc', 'sys', 'run', 'etc', 'bin', 'sbin', 'usr/bin', 'usr/sbin', 'var/log'])
    folder(path);
  entries.push({ kind: 'char', path: 'dev/console', mode: 0o600, major: 5, minor: 1 });
  entries.push({ kind: 'char', path: 'dev/null', mode: 0o666, major: 1, minor: 3 });
  for (const [path, text] of Object.entries(TEXTS))
    entries.push({ kind: 'file', path, mode: 0o644, data: Buffer.from(text) });
  for (const [path, data] of files) {
    folderOf(path);
    entries.push({ kind: 'file', path, mode: 0o755, data });
  }
  entries.push({ kind: 'link', path: 'bin/lab-ssh', target: '/init' });
  const taken = new Set([...files.keys(), 'bin/lab-ssh']);
  for (const path of applets) {
    if (taken.has(path)) continue;
    taken.add(path);
    folderOf(path);
    entries.push({ kind: 'link', path, target: '/bin/busybox' });
  }
  return entries;
}
