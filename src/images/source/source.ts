// SPDX-License-Identifier: Apache-2.0
// Provides a definition's source as an unpacked tree in the cache. Trees are named by content. The cache also records
// which of the sources was used, so that a warm run neither fetches nor hashes anything.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Transform } from 'node:stream';
import { z } from 'zod';
import { commandError, lastLines, mustRun, runCommand } from '../../util/process/command.js';
import { isDiskFull, LabError, messageOf } from '../../util/errors.js';
import { withLock } from '../../util/process/lock.js';
import { aptFetch } from './apt.js';
import { readJson } from '../../util/read-json.js';
import { keyOf, writeJson } from '../cache/cache.js';
import { fileIdentity } from '../build/compiler.js';
import type { Workspace } from '../context.js';
import type { KernelDefinition, Source } from '../definition/definition.js';
import { copyTree, treeIdentity } from './directory.js';
import { fetchUrl } from './download.js';
import { ensureTools, type Purpose, programPath } from '../requirements.js';

/** Increased when trees are unpacked differently. */
const UNPACKING = 1;

export interface SourceTree {
  /** Name by content. */
  id: string;
  dir: string;
  source: Source;
}

export const originSchema = z.object({
  /** Index of the source in the definition's list. */
  index: z.number().int().min(0),
  /** The tree's id; null if the source is local and may have changed. */
  id: z.string().nullable(),
});
export type Origin = z.infer<typeof originSchema>;

/** The id of a tree that an archive was unpacked to. */
const unpackedSchema = z.object({ id: z.string() });
/** An archive that was fetched completely. */
const fetchedSchema = z.object({ file: z.string(), size: z.number() });

/** Tells definitions with the same sources. */
export const originKey = (definition: KernelDefinition) => keyOf(['origin', UNPACKING, definition.sources]);
export const originPath = (definition: KernelDefinition, work: Workspace) => work.cache.origin(originKey(definition));

/** Returns the tree that was used before, if it still matches the definition. The tree itself may be gone. */
export async function knownSource(definition: KernelDefinition, work: Workspace): Promise<SourceTree | null> {
  const origin = readJson(originPath(definition, work), originSchema);
  const source = origin && definition.sources[origin.index];
  if (!source) return null;
  const id = origin.id ?? (await localId(source, work));
  return id === null ? null : { id, dir: work.cache.source(id), source };
}

/** Returns the first source of a definition by its identity alone. It is on this host, and nothing is unpacked. */
export async function namedSource(definition: KernelDefinition, work: Workspace): Promise<SourceTree> {
  const [source] = definition.sources;
  const id = source === undefined ? null : await localId(source, work);
  if (source === undefined || id === null)
    throw new LabError(`kernel ${definition.name}: its source is not on this host`);
  writeJson(originPath(definition, work), { index: 0, id: null } satisfies Origin);
  return { id, dir: work.cache.source(id), source };
}

/** Fetches and unpacks the source if needed. The sources are tried in order; it is an error only if all fail. */
export async function ensureSource(definition: KernelDefinition, work: Workspace): Promise<SourceTree> {
  const known = await knownSource(definition, work);
  if (known && existsSync(known.dir)) return known;
  const failures: string[] = [];
  let hint: string | null = null;
  for (const [index, source] of definition.sources.entries()) {
    try {
      const tree = await obtain(source, definition.name, work);
      const local = source.kind === 'git' || source.kind === 'directory' || source.kind === 'tarball';
      writeJson(originPath(definition, work), { index, id: local ? null : tree.id } satisfies Origin);
      return tree;
    } catch (error) {
      work.signal.throwIfAborted();
      // A full or unwritable disk would stop the next source too.
      if ((error as NodeJS.ErrnoException).path?.startsWith(work.cache.dir)) throw error;
      if (isDiskFull(error) || (error instanceof LabError && error.message.includes('the disk is full'))) throw error;
      const detail = error instanceof LabError && error.detail ? `\n${lastLines(error.detail, 8)}` : '';
      if (error instanceof LabError) hint ??= error.hint;
      failures.push(`${describe(source)}: ${messageOf(error)}${detail}`);
    }
  }
  throw new LabError(`kernel ${definition.name}: none of its sources is available`, {
    detail: failures.join('\n'),
    hint,
  });
}

export function describe(source: Source): string {
  switch (source.kind) {
    case 'apt-source':
    case 'apt-binary':
      return `${source.kind} ${source.package}=${source.version} (${source.suite})`;
    case 'url':
      return source.url;
    case 'git':
      return `git ${source.path} ${source.ref}`;
    default:
      return `${source.kind} ${source.path}`;
  }
}

/** Identity of a source on this host; null for one that has to be fetched. */
async function localId(source: Source, work: Workspace): Promise<string | null> {
  switch (source.kind) {
    case 'directory':
      return treeIdentity(source.path, work.signal);
    case 'git': {
      await ensureTools(['git'], work);
      const { stdout } = await mustRun(
        ['git', '-C', source.path, 'rev-parse', '--verify', '--end-of-options', `${source.ref}^{tree}`],
        `no ${source.ref} in ${source.path}`,
        { signal: work.signal, env: { PATH: programPath(), LC_ALL: 'C', HOME: process.env['HOME'] } },
      );
      return keyOf(['git', UNPACKING, stdout.trim()]);
    }
    case 'tarball': {
      if (!existsSync(source.path)) throw new LabError(`no file ${source.path}`);
      return readJson(tarballFact(source.path, work), unpackedSchema)?.id ?? null;
    }
    default:
      return null;
  }
}

const tarballFact = (path: string, work: Workspace) =>
  work.cache.fact(keyOf(['tarball', UNPACKING, fileIdentity(path)]));

const NEEDS: Record<Source['kind'], Purpose[]> = {
  'apt-source': ['fetch', 'unpack'],
  'apt-binary': ['fetch', 'unpack'],
  url: ['unpack'],
  tarball: ['unpack'],
  directory: [],
  git: ['git', 'unpack'],
};

async function obtain(source: Source, name: string, work: Workspace): Promise<SourceTree> {
  const task = `source of ${name}`;
  const onWait = () => work.onProgress({ task, done: 0, of: null, detail: 'is waiting for another lab' });
  // Named by the definition, because the content is known only after unpacking.
  const slot = keyOf(['slot', UNPACKING, source]);
  return withLock(work.cache.lock(`source-${slot}`), { signal: work.signal, onWait }, async (lock) => {
    const seen = work.cache.fact(keyOf(['fetched', UNPACKING, source]));
    const before =
      (await localId(source, work)) ?? (isRemote(source) ? (readJson(seen, unpackedSchema)?.id ?? null) : null);
    if (before !== null && existsSync(work.cache.source(before)))
      return { id: before, dir: work.cache.source(before), source };
    await ensureTools(NEEDS[source.kind], work);
    const beside = work.cache.source(`.${slot}.partial`);
    rmSync(beside, { recursive: true, force: true });
    mkdirSync(beside, { recursive: true });
    const folder = work.cache.download(slot);
    let id: string;
    switch (source.kind) {
      case 'directory':
        id = await copyTree(source.path, beside, `copy ${source.path}`, work);
        break;
      case 'git':
        id = (await localId(source, work)) ?? '';
        await unpackGit(source.path, source.ref, beside, work, lock.fd);
        break;
      default: {
        const archive = await archiveOf(source, folder, name, work, lock.fd);
        const digest = await unpack(
          archive,
          source.kind === 'apt-binary' ? source.member : null,
          beside,
          `unpack ${name}`,
          work,
          lock.fd,
        );
        if (source.kind === 'tarball' && source.sha256 !== null && digest !== source.sha256) {
          throw new LabError(`${source.path} has the SHA-256 ${digest}, but the definition says ${source.sha256}`);
        }
        id = keyOf(['archive', UNPACKING, digest, source.kind === 'apt-binary' ? source.member : '']);
        if (source.kind === 'tarball') writeJson(tarballFact(source.path, work), { id });
      }
    }
    if (!existsSync(join(beside, 'Makefile')))
      throw new LabError(`${describe(source)} is not a kernel source: it has no Makefile`);
    const dir = work.cache.source(id);
    if (existsSync(dir)) rmSync(beside, { recursive: true, force: true });
    else renameSync(beside, dir);
    if (isRemote(source)) writeJson(seen, { id });
    rmSync(folder, { recursive: true, force: true });
    return { id, dir, source };
  });
}

function isRemote(source: Source): boolean {
  return source.kind === 'apt-source' || source.kind === 'apt-binary' || source.kind === 'url';
}

/** Returns the archive as a file; fetches it if no earlier attempt left it complete. */
async function archiveOf(
  source: Extract<Source, { kind: 'apt-source' | 'apt-binary' | 'url' | 'tarball' }>,
  folder: string,
  name: string,
  work: Workspace,
  holdFd: number,
): Promise<string> {
  if (source.kind === 'tarball') return source.path;
  const whole = join(folder, 'whole.json');
  const before = readJson(whole, fetchedSchema);
  if (before && statSync(join(folder, before.file), { throwIfNoEntry: false })?.size === before.size)
    return join(folder, before.file);
  const task = `fetch ${name}`;
  const path =
    source.kind === 'url'
      ? await fetchUrl(source, folder, task, work)
      : await aptFetch(source, folder, task, work, holdFd);
  writeJson(whole, { file: basename(path), size: statSync(path).size });
  return path;
}

const UNPACKERS: [RegExp, string][] = [
  [/\.(tar\.)?(xz|txz)$/, 'xz'],
  [/\.(tar\.)?(gz|tgz)$/, 'gzip'],
  [/\.(tar\.)?(zst|tzst)$/, 'zstd'],
  [/\.(tar\.)?(bz2|tbz2?)$/, 'bzip2'],
  [/\.tar$/, 'cat'],
];

/** Unpacks an archive into a folder, without its top folder, and returns the archive's SHA-256. One pass does both. */
async function unpack(
  archive: string,
  member: string | null,
  into: string,
  task: string,
  work: Workspace,
  holdFd: number,
): Promise<string> {
  const inner = member ?? archive;
  const unpacker = UNPACKERS.find(([pattern]) => pattern.test(inner))?.[1];
  if (!unpacker) throw new LabError(`${inner}: expected .tar, .tar.xz, .tar.gz, .tar.zst or .tar.bz2`);
  const plain =
    { xz: `xz -dc -T${work.jobs}`, gzip: 'gzip -dc', zstd: 'zstd -dc', bzip2: 'bzip2 -dc', cat: 'cat' }[unpacker] ??
    'cat';
  const extract = 'tar -x -f - --strip-components=1 --no-same-owner -C "$1"';
  // If a command of the pipe fails, the last tar notices: the end of its archive is missing.
  const script =
    member === null
      ? `${plain} | ${extract}`
      : `dpkg-deb --fsys-tarfile - | tar -x -O -f - "./$2" | ${plain} | ${extract}`;
  const size = statSync(archive).size;
  const hash = createHash('sha256');
  let done = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      hash.update(chunk);
      done += chunk.length;
      work.onProgress({ task, done, of: size });
      next(null, chunk);
    },
  });
  const file = createReadStream(archive, { highWaterMark: 1 << 20 });
  file.on('error', (error) => counter.destroy(error));
  const argv = ['sh', '-c', script, 'sh', into, ...(member === null ? [] : [member])];
  const result = await runCommand(argv, {
    input: file.pipe(counter),
    env: { PATH: programPath(), LC_ALL: 'C' },
    signal: work.signal,
    holdFd,
  });
  file.destroy();
  if (result.code !== 0) throw commandError(`cannot unpack ${basename(archive)}`, ['tar'], result);
  // The unpackers stop at the archive's end mark. A hash of only part of the file would be a wrong name.
  if (done !== size) throw new LabError(`cannot unpack ${basename(archive)}: only ${done} of ${size} bytes were read`);
  return hash.digest('hex');
}

async function unpackGit(repo: string, ref: string, into: string, work: Workspace, holdFd: number): Promise<void> {
  work.onProgress({ task: `unpack ${ref}`, done: 0, of: null });
  const script = 'git -C "$1" archive --format=tar "$2" | tar -x -f - -C "$3"';
  const result = await runCommand(['sh', '-c', script, 'sh', repo, ref, into], {
    env: { PATH: programPath(), LC_ALL: 'C', HOME: process.env['HOME'] },
    signal: work.signal,
    holdFd,
  });
  if (result.code !== 0) throw commandError(`cannot unpack ${ref} of ${repo}`, ['git'], result);
}
