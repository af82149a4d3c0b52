// SPDX-License-Identifier: Apache-2.0
// A bundle from anybody: unpacked into a private folder, in bounds, only what its manifest names, and used only once
// every sum is right.
import { createHash, type Hash } from 'node:crypto';
import { closeSync, createReadStream, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { Parser, type ReadEntry } from 'tar';
import type { prebuiltKernel } from '../../images/index.js';
import type { Result } from '../../model/result/result.js';
import { readRun } from '../../store/run/read-run.js';
import { LabError, messageOf } from '../../util/errors.js';
import { keep, removeAtEnd } from '../../util/process/reaper.js';
import { intoTar } from '../../util/untar.js';
import { type FileOfBundle, MANIFEST, type Manifest, manifestSchema, MOST } from './manifest.js';
import { refuseForeign } from './trust.js';

export interface OpenBundle {
  /** Folder of the run. */
  run: string;
  result: Result;
  /** Files of a kernel by its SHA-256; null where the bundle has none that boots. */
  kernelFiles: (sha256: string) => Parameters<typeof prebuiltKernel>[1] | null;
  /** Nothing of it stays. */
  close: () => void;
}

/** Headers and padding of tar beside the files, and what may stand behind its end. */
const TAR_EXTRA = 1 << 20;

/**
 * @param trust its scenario may use this host's files and QEMU options
 * @param most bytes that it may unpack to. Throws a LabError that says what is wrong; nothing stays then.
 */
export async function openBundle(path: string, trust: boolean, most: number = MOST.all): Promise<OpenBundle> {
  const dir = mkdtempSync(join(tmpdir(), 'lab-bundle-'));
  removeAtEnd(dir);
  const close = () => {
    rmSync(dir, { recursive: true, force: true });
    keep(dir);
  };
  try {
    const manifest = await unpack(path, dir, most);
    const run = join(dir, 'run');
    const read = readRun(run);
    if (read.state !== 'whole') throw new Error(`its run cannot be used: ${read.why}`);
    if (read.result.id !== manifest.run) throw new Error('it holds another run than it says');
    const bundle: OpenBundle = {
      run,
      result: read.result,
      kernelFiles: (sha256) => kernelIn(dir, manifest, sha256),
      close,
    };
    if (!trust) await refuseForeign(bundle);
    return bundle;
  } catch (error) {
    close();
    throw error instanceof LabError
      ? error
      : new LabError(`${basename(path)} is no bundle that can be used: ${messageOf(error)}`, { cause: error });
  }
}

async function unpack(path: string, dir: string, most: number): Promise<Manifest> {
  const unpacker = new Unpacker(dir, basename(path));
  let bytes = 0;
  const bound = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      bytes += chunk.length;
      next(
        bytes > Math.min(most, unpacker.announced) + TAR_EXTRA
          ? unpacker.refusal('it unpacks to more than it announces')
          : unpacker.failed,
        chunk,
      );
    },
  });
  const parser = new Parser({ strict: true, onReadEntry: (entry) => unpacker.take(entry) });
  try {
    await pipeline(createReadStream(path), createGunzip(), bound, intoTar(parser));
  } catch (error) {
    throw unpacker.failed ?? unpacker.refusal(messageOf(error));
  } finally {
    unpacker.close();
  }
  return unpacker.finish();
}

class Unpacker {
  failed: LabError | null = null;
  private manifest: Manifest | null = null;
  private readonly left = new Map<string, FileOfBundle>();
  private open: { fd: number; hash: Hash } | null = null;

  constructor(
    private readonly dir: string,
    private readonly name: string,
  ) {}

  refusal(why: string): LabError {
    return new LabError(`${this.name} is no bundle that can be used: ${why}`);
  }

  /** One entry, written as it comes; an entry that should not be there ends it all. */
  take(entry: ReadEntry): void {
    const why = this.failed === null ? this.wrongWith(entry) : 'it was refused';
    if (why !== null) {
      this.failed ??= this.refusal(why);
      entry.resume();
      return;
    }
    if (this.manifest === null) this.takeManifest(entry);
    else this.takeFile(entry, this.left.get(entry.path) as FileOfBundle);
  }

  /** Bytes of all files, as far as that is known by now. */
  get announced(): number {
    return MOST.manifest + (this.manifest?.files.reduce((sum, { size }) => sum + size, 0) ?? 0);
  }

  finish(): Manifest {
    if (this.failed !== null) throw this.failed;
    if (this.manifest === null) throw this.refusal(`it has no ${MANIFEST}`);
    const [missing] = this.left.keys();
    if (missing !== undefined) throw this.refusal(`${missing} is missing: it is cut short`);
    return this.manifest;
  }

  close(): void {
    if (this.open !== null) closeSync(this.open.fd);
    this.open = null;
  }

  private wrongWith({ type, path, size }: ReadEntry): string | null {
    if (type !== 'File' && type !== 'OldFile') return `it holds a ${type}, and only plain files belong there`;
    if (this.manifest === null)
      return path !== MANIFEST
        ? `its first file is not ${MANIFEST}`
        : size > MOST.manifest
          ? `${MANIFEST} has ${size} bytes`
          : null;
    const named = this.left.get(path);
    if (named === undefined) return `it holds a file that ${MANIFEST} does not name, or twice`;
    return named.size === size ? null : `${path} has ${size} bytes instead of ${named.size}`;
  }

  private takeManifest(entry: ReadEntry): void {
    const chunks: Buffer[] = [];
    entry.on('data', (chunk: Buffer) => chunks.push(chunk));
    entry.on('end', () => {
      try {
        const { data, error } = manifestSchema.safeParse(JSON.parse(Buffer.concat(chunks).toString('utf8')));
        const issue = error?.issues[0];
        if (data === undefined) throw new LabError(`${issue?.path.join('.')}: ${issue?.message}`);
        this.manifest = data;
        for (const file of data.files) this.left.set(file.path, file);
      } catch (error) {
        this.failed ??= this.refusal(`${MANIFEST}: ${messageOf(error).slice(0, 300)}`);
      }
    });
  }

  private takeFile(entry: ReadEntry, { path, sha256 }: FileOfBundle): void {
    this.left.delete(path);
    const to = join(this.dir, path);
    mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
    // A file of this user alone that nothing was before: no mode, owner, time or link of the bundle counts.
    const open = (this.open = { fd: openSync(to, 'wx', 0o600), hash: createHash('sha256') });
    entry.on('data', (chunk: Buffer) => {
      if (this.failed !== null) return;
      try {
        for (let at = 0; at < chunk.length;) at += writeSync(open.fd, chunk, at);
        open.hash.update(chunk);
      } catch (error) {
        this.failed = new LabError(`the bundle cannot be unpacked: ${messageOf(error)}`, { cause: error });
      }
    });
    entry.on('end', () => {
      this.close();
      if (open.hash.digest('hex') !== sha256)
        this.failed ??= this.refusal(`${path} is not what it was when it was packed (SHA-256)`);
    });
  }
}

function kernelIn(dir: string, { files }: Manifest, sha256: string): ReturnType<OpenBundle['kernelFiles']> {
  const at = (name: string) => {
    const file = files.find(({ path }) => path === `kernels/${sha256}/${name}`);
    return file !== undefined && existsSync(join(dir, file.path))
      ? { path: join(dir, file.path), sha256: file.sha256 }
      : null;
  };
  const bzImage = at('bzImage');
  // It is booted as what the run was on: it must be that, to the byte.
  if (bzImage === null || bzImage.sha256 !== sha256) return null;
  return {
    bzImage: bzImage.path,
    vmlinux: at('vmlinux')?.path ?? null,
    config: at('config')?.path ?? null,
    systemMap: at('System.map')?.path ?? null,
  };
}
