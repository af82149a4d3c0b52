// SPDX-License-Identifier: Apache-2.0
// Packs a run, and what another host needs to repeat it, into one file. The file gets its name only when it is
// complete.
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  createReadStream,
  createWriteStream,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { create } from 'tar';
import type { KernelImage } from '../../model/kernel/image.js';
import { IMAGE_NAME } from '../../store/run/memory-image.js';
import { LabError, UsageError } from '../../util/errors.js';
import { removeTemp, makeTemp } from '../../util/process/reaper.js';
import { type FileOfBundle, KERNEL_FILES, MANIFEST, type Manifest, manifestSchema, MAX } from './manifest.js';

export interface PackOptions {
  output: string;
  labVersion: string;
  /** Include every memory image, not only those of the handover. */
  memory: boolean;
  /** Include bzImage and System.map. */
  kernels: boolean;
  /** Include vmlinux. */
  symbols: boolean;
  signal: AbortSignal;
}

export interface Packed {
  path: string;
  bytes: number;
  files: FileOfBundle[];
}

/**
 * Throws a LabError if the bundle would be too large to open again.
 * @param run folder of the run
 * @param images its kernels, as far as this host has them
 */
export async function packBundle(run: string, images: readonly KernelImage[], options: PackOptions): Promise<Packed> {
  const output = resolve(options.output);
  if (existsSync(output))
    throw new UsageError(`${options.output} already exists`, { hint: 'name another file with --output' });
  mkdirSync(dirname(output), { recursive: true });
  const dir = makeTemp(join(dirname(output), '.partial-bundle-'));
  try {
    const sources = [...filesOfRun(run, options), ...images.flatMap((image) => filesOfKernel(image, options))];
    const files: FileOfBundle[] = [];
    for (const { path, from } of sources) {
      options.signal.throwIfAborted();
      const to = join(dir, path);
      mkdirSync(dirname(to), { recursive: true });
      linkOrCopy(from, to);
      files.push({ path, size: statSync(to).size, sha256: await hashOf(to, options.signal) });
    }
    const manifest: Manifest = { schema: 1, run: basename(run), lab: options.labVersion, files };
    const checked = manifestSchema.safeParse(manifest);
    if (!checked.success)
      throw new LabError(`this run cannot be bundled: ${checked.error.issues[0]?.message ?? ''}`, {
        hint: `a bundle holds at most ${MAX.files} files and ${MAX.all} bytes`,
      });
    writeFileSync(join(dir, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
    const partial = join(dir, '.bundle.tar.gz');
    const packed = create({ gzip: true, portable: true, cwd: dir, mtime: new Date(0) }, [
      MANIFEST,
      ...files.map(({ path }) => path),
    ]);
    await pipeline(packed, createWriteStream(partial), { signal: options.signal });
    renameSync(partial, output);
    return { path: output, bytes: statSync(output).size, files };
  } finally {
    removeTemp(dir);
  }
}

interface Source {
  path: string;
  from: string;
}

/** Everything in the run's folder; of the memory images, the large ones only on request. */
function filesOfRun(run: string, { memory }: { memory: boolean }): Source[] {
  return readdirSync(run, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .filter((name) => memory || !IMAGE_NAME.test(name) || name.startsWith('memory-jump-'))
    .sort()
    .map((name) => ({ path: `run/${name}`, from: join(run, name) }));
}

/** Always the configuration; the rest on request. */
function filesOfKernel(
  { sha256, bzImage, vmlinux, config, systemMap }: KernelImage,
  { kernels, symbols }: PackOptions,
): Source[] {
  const paths: Record<(typeof KERNEL_FILES)[number], string | null> = {
    config,
    bzImage: kernels ? bzImage : null,
    'System.map': kernels ? systemMap : null,
    vmlinux: symbols ? vmlinux : null,
  };
  return KERNEL_FILES.flatMap((name) =>
    paths[name] === null ? [] : [{ path: `kernels/${sha256}/${name}`, from: paths[name] }],
  );
}

/** Links if possible: that costs nothing, and the file that is packed is the file that was hashed. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

async function hashOf(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash, { signal });
  return hash.digest('hex');
}
