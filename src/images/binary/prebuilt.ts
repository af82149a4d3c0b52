// SPDX-License-Identifier: Apache-2.0
// Reads kernels that somebody else built. The results are stored by the identity of the files.
import { createWriteStream, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { componentSchema, registeredSchema } from '../../model/kernel/component.js';
import type { KernelImage } from '../../model/kernel/image.js';
import { commandError, runCommand } from '../../util/process/command.js';
import { LabError, UsageError } from '../../util/errors.js';
import { withLock } from '../../util/process/lock.js';
import { bootFactsOf } from './boot-facts.js';
import { readBzImage } from './bzimage.js';
import { readJson } from '../../util/read-json.js';
import { keyOf, writeJson } from '../cache/cache.js';
import { fileIdentity } from '../build/compiler.js';
import { MAX_SCANNED, scanBzImage, scanVmlinux } from './components.js';
import type { Workspace } from '../context.js';
import type { Prebuilt } from '../definition/definition.js';
import { sha256File } from '../source/download.js';
import { handoverOf } from './handover.js';
import { findProgram } from '../requirements.js';

const prebuiltFactsSchema = z.object({
  schema: z.literal(1),
  release: z.string().nullable(),
  sha256: z.string(),
  /** Found by version strings. */
  components: z.array(componentSchema),
  listed: z.array(componentSchema).nullable(),
  registered: registeredSchema.nullable(),
  /** The whole image was searched. */
  whole: z.boolean(),
  /** Path of the vmlinux, unpacked if necessary. */
  vmlinux: z.string().nullable(),
  notes: z.array(z.string()),
});
export type PrebuiltFacts = z.infer<typeof prebuiltFactsSchema>;

export async function prebuiltKernel(name: string, files: Prebuilt, work: Workspace): Promise<KernelImage> {
  const facts = await prebuiltFacts(files, work);
  return {
    name,
    release: facts.release,
    bzImage: files.bzImage,
    vmlinux: facts.vmlinux,
    config: files.config,
    systemMap: files.systemMap,
    boot: bootFactsOf(files),
    ...handoverOf(facts, files.config),
    sha256: facts.sha256,
    cacheDir: null,
  };
}

export async function prebuiltFacts(files: Prebuilt, work: Workspace): Promise<PrebuiltFacts> {
  for (const path of [files.bzImage, files.vmlinux, files.config, files.systemMap]) {
    if (path !== null && !existsSync(path)) throw new UsageError(`no file ${path}`);
  }
  const key = keyOf([
    'prebuilt',
    5,
    fileIdentity(files.bzImage),
    files.vmlinux === null ? null : fileIdentity(files.vmlinux),
  ]);
  const path = work.cache.fact(key);
  const known = readJson(path, prebuiltFactsSchema);
  if (known !== null && (known.vmlinux === null || existsSync(known.vmlinux))) return known;
  return withLock(work.cache.lock(`prebuilt-${key}`), { signal: work.signal }, async () => {
    work.onProgress({ task: `read ${basename(files.bzImage)}`, done: 0, of: null });
    const { release } = readBzImage(files.bzImage);
    const vmlinux = files.vmlinux === null ? null : await plainVmlinux(files.vmlinux, key, work);
    const scan =
      vmlinux === null ? await scanBzImage(files.bzImage, work.signal) : await scanVmlinux(vmlinux, work.signal);
    const facts: PrebuiltFacts = {
      schema: 1,
      release,
      sha256: await sha256File(files.bzImage, work.signal),
      ...scan,
      vmlinux,
    };
    writeJson(path, facts);
    return facts;
  });
}

const PACKERS: Record<string, string> = { '.xz': 'xz', '.gz': 'gzip', '.zst': 'zstd' };

/** Returns the path of the vmlinux, unpacked into the cache if necessary. */
async function plainVmlinux(path: string, key: string, work: Workspace): Promise<string> {
  const packer = Object.entries(PACKERS).find(([suffix]) => path.endsWith(suffix))?.[1];
  if (!packer) return path;
  if (findProgram(packer) === null)
    throw new LabError(`${path} is packed, and this host has no ${packer}`, {
      hint: `apt-get install -y ${packer === 'xz' ? 'xz-utils' : packer}`,
    });
  const target = join(work.cache.kernel(`vmlinux-${key}`), 'vmlinux');
  if (existsSync(target)) return target;
  mkdirSync(work.cache.kernel(`vmlinux-${key}`), { recursive: true });
  const beside = `${target}.partial`;
  rmSync(beside, { force: true });
  const out = createWriteStream(beside);
  const stop = new AbortController();
  let size = 0;
  let failed: Error | null = null;
  out.on('error', (error) => {
    failed = error;
    stop.abort(error);
  });
  try {
    const argv = [packer, '-dc', '--', path];
    const result = await runCommand(argv, {
      signal: AbortSignal.any([work.signal, stop.signal]),
      onStdout: (chunk) => {
        size += chunk.length;
        if (size > MAX_SCANNED) stop.abort(new LabError(`${path} unpacks to more than ${MAX_SCANNED} bytes`));
        else out.write(chunk);
      },
    });
    if (result.code !== 0) throw commandError(`cannot unpack ${path}`, argv, result);
  } finally {
    await new Promise((resolve) => out.end(resolve));
    if (stop.signal.aborted || work.signal.aborted) rmSync(beside, { force: true });
  }
  if (failed) throw failed;
  renameSync(beside, target);
  return target;
}
