// SPDX-License-Identifier: Apache-2.0
// Makes the image of a user space from packages. They are unpacked; none of their scripts runs, so nothing of the host
// gets into it. The same packages give the same bytes.
import {
  closeSync,
  type Dirent,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import type { Userspace } from '../../model/kernel/image.js';
import { mustRun } from '../../util/process/command.js';
import { LabError } from '../../util/errors.js';
import { withLock } from '../../util/process/lock.js';
import { readJson } from '../../util/read-json.js';
import { replaceFile } from '../../util/replace-file.js';
import { overlayDigests } from '../build/tree.js';
import { keyOf, onDisk, sha256, writeJson } from '../cache/cache.js';
import { folders } from '../cache/folders.js';
import { type ImageContext, openWorkspace, type Workspace } from '../context.js';
import { ensureTools, programPath } from '../requirements.js';
import { fetchPackages } from '../source/apt-packages.js';
import { sha256File } from '../source/download.js';
import { type UserspaceDefinition, userspaceDefinition } from './definition.js';
import { type ErofsEntry, erofsImage } from './erofs.js';

/** Increased when the same packages would give another image. */
const RECIPE = 1;
/** Process 1 of every user space (lab/init/userspace.c). */
const PROCESS_1 = 'usr/lib/systemd/systemd';
/** Folders that process 1 mounts something on. */
const MOUNT_POINTS = ['dev', 'proc', 'sys', 'run', 'tmp', 'var', 'root', 'home'];

const storedSchema = z.object({
  schema: z.literal(1),
  name: z.string(),
  sha256: z.string(),
  size: z.number(),
  packages: z.array(z.object({ file: z.string(), sha256: z.string() })),
});
type Stored = z.infer<typeof storedSchema>;

/** Returns a user space by name; fetches its packages and makes its image if the cache has none. */
export async function ensureUserspace(name: string, context: ImageContext): Promise<Userspace> {
  const definition = userspaceDefinition(name);
  const work = openWorkspace(context);
  const fact = factOf(definition, work);
  const ready = known(fact, work);
  if (ready !== null) return ready;
  await ensureTools(['fetch', 'unpack'], work);
  const task = `user space ${name}`;
  const onWait = () => work.onProgress({ task, done: 0, of: null, detail: 'is waiting for another lab' });
  return onDisk(work.cache, () =>
    withLock(work.cache.lock(userspaceLock(name)), { signal: work.signal, onWait }, async (lock) => {
      const before = known(fact, work);
      if (before !== null) return before;
      const key = await make(definition, task, work, lock.fd);
      writeJson(fact, { key });
      const made = read(key, work);
      if (made === null) throw new LabError(`${task} was made, but is missing from the cache`);
      return made;
    }),
  );
}

/** The image that a run would take; null if it would be made first. Fetches nothing. */
export function currentUserspace(name: string, work: Workspace): Userspace | null {
  return known(factOf(userspaceDefinition(name), work), work);
}

/** Folders of all images of a user space, also of one that has no definition any more. */
export function userspaceFolders(name: string, { cache }: Workspace): string[] {
  return folders(cache.userspaces())
    .map((key) => cache.userspace(key))
    .filter((folder) => storedIn(folder)?.name === name);
}

/** Held by who makes or removes images of a user space. */
export const userspaceLock = (name: string): string => `userspace-${name}`;

/** Where it stands which image a definition gave. */
export function factOf(definition: UserspaceDefinition, work: Workspace): string {
  return work.cache.fact(keyOf(['userspace', inputsOf(definition)]));
}

/** What decides about the image besides the packages that the suite has on the day. */
function inputsOf({ suite, architecture, packages, alone, leaveOut, overlay }: UserspaceDefinition): unknown {
  return [RECIPE, suite, architecture, packages, alone, leaveOut, overlay.map(overlayDigests)];
}

function known(fact: string, work: Workspace): Userspace | null {
  const key = readJson(fact, z.object({ key: z.string() }))?.key;
  return key === undefined ? null : read(key, work);
}

function storedIn(folder: string): Stored | null {
  return readJson(join(folder, 'image.json'), storedSchema);
}

function read(key: string, work: Workspace): Userspace | null {
  const path = join(work.cache.userspace(key), 'root.erofs');
  const stored = storedIn(work.cache.userspace(key));
  if (stored === null || statSync(path, { throwIfNoEntry: false })?.size !== stored.size) return null;
  const packages = stored.packages.map(({ file }) => decodeURIComponent(file.replace(/\.deb$/, '')));
  return { name: stored.name, path, sha256: stored.sha256, size: stored.size, packages };
}

/** @returns the key of the image: that of its packages, and of what is laid over them */
async function make(definition: UserspaceDefinition, task: string, work: Workspace, holdFd: number): Promise<string> {
  const download = work.cache.download(`userspace-${definition.name}`);
  try {
    return await makeIn(download, definition, task, work, holdFd);
  } finally {
    rmSync(download, { recursive: true, force: true });
  }
}

async function makeIn(
  download: string,
  definition: UserspaceDefinition,
  task: string,
  work: Workspace,
  holdFd: number,
): Promise<string> {
  const debs = await fetchPackages(definition, download, task, work, holdFd);
  const packages: Stored['packages'] = [];
  for (const deb of debs) packages.push({ file: basename(deb), sha256: await sha256File(deb, work.signal) });
  const key = keyOf(['userspace', inputsOf(definition), packages]);
  if (read(key, work) === null) {
    const beside = work.cache.userspace(`.${key}.partial`);
    rmSync(beside, { recursive: true, force: true });
    const root = join(beside, 'root');
    mkdirSync(root, { recursive: true });
    await unpack(debs, root, task, work, holdFd);
    work.onProgress({ task, done: debs.length, of: debs.length, detail: 'writing the image' });
    checkArchitecture(root, definition);
    const image = erofsImage(entriesOf(root, definition));
    rmSync(root, { recursive: true, force: true });
    replaceFile(join(beside, 'root.erofs'), image);
    writeJson(join(beside, 'image.json'), {
      schema: 1,
      name: definition.name,
      sha256: sha256(image),
      size: image.length,
      packages,
    } satisfies Stored);
    rmSync(work.cache.userspace(key), { recursive: true, force: true });
    renameSync(beside, work.cache.userspace(key));
  }
  return key;
}

/** base-files comes first: its links say where the others' /bin and /lib are. */
async function unpack(debs: readonly string[], root: string, task: string, work: Workspace, holdFd: number) {
  const first = (path: string) => (basename(path).startsWith('base-files_') ? 0 : 1);
  const inOrder = [...debs].sort((a, b) => first(a) - first(b));
  for (const [index, deb] of inOrder.entries()) {
    const name = basename(deb);
    work.onProgress({ task, done: index, of: debs.length, detail: name });
    await mustRun(['dpkg-deb', '-x', deb, root], `cannot unpack ${name}`, {
      signal: work.signal,
      holdFd,
      env: { PATH: programPath(), LC_ALL: 'C' },
    });
  }
}

/** Offsets in an ELF file, and the machine x86-64. */
const [ELF_CLASS, ELF_MACHINE, X86_64] = [4, 18, 62];
const MACHINES = new Map([
  [3, 'i386'],
  [40, 'arm'],
  [183, 'aarch64'],
  [243, 'riscv'],
]);

function checkArchitecture(root: string, { name, file }: UserspaceDefinition): void {
  const path = join(root, PROCESS_1);
  const wrong = (what: string) =>
    new LabError(`user space ${name}: ${what}`, {
      hint: `the machine is x86-64 and starts /${PROCESS_1}; see ${file}`,
    });
  if (!existsSync(path)) throw wrong(`its packages have no /${PROCESS_1}`);
  const head = Buffer.alloc(20);
  const fd = openSync(path, 'r');
  try {
    readSync(fd, head, 0, head.length, 0);
  } finally {
    closeSync(fd);
  }
  if (head.toString('latin1', 1, 4) !== 'ELF') throw wrong(`/${PROCESS_1} is no program`);
  const machine = head.readUInt16LE(ELF_MACHINE);
  if (machine !== X86_64 || head[ELF_CLASS] !== 2)
    throw wrong(`/${PROCESS_1} is a program for ${MACHINES.get(machine) ?? `machine ${machine}`}`);
}

function* entriesOf(root: string, { leaveOut, overlay }: UserspaceDefinition): Generator<ErofsEntry> {
  for (const path of MOUNT_POINTS)
    yield { kind: 'dir', path, mode: path === 'tmp' ? 0o1777 : path === 'root' ? 0o700 : 0o755 };
  const out = new Set(leaveOut);
  yield* filesIn(root, '', (path) => out.has(path));
  for (const folder of overlay) for (const entry of filesIn(folder, '', () => false)) yield withUsualMode(entry);
}

/** What a checkout gave a file depends on its user. */
function withUsualMode(entry: ErofsEntry): ErofsEntry {
  if (entry.kind === 'link') return entry;
  return { ...entry, mode: entry.kind === 'dir' || (entry.mode & 0o100) !== 0 ? 0o755 : 0o644 };
}

/** In an order that does not depend on the file system of the host. */
function* filesIn(root: string, below: string, isOut: (path: string) => boolean): Generator<ErofsEntry> {
  const entries = readdirSync(join(root, below), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (isOut(path)) continue;
    yield* one(root, path, entry);
    if (entry.isDirectory()) yield* filesIn(root, path, isOut);
  }
}

/** Devices and sockets are no part of a package. */
function* one(root: string, path: string, entry: Dirent): Generator<ErofsEntry> {
  const at = join(root, path);
  const mode = lstatSync(at).mode & 0o7777;
  if (entry.isSymbolicLink()) yield { kind: 'link', path, target: readlinkSync(at) };
  else if (entry.isDirectory()) yield { kind: 'dir', path, mode };
  else if (entry.isFile()) yield { kind: 'file', path, mode, data: readFileSync(at) };
}
