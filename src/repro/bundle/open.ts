// SPDX-License-Identifier: Apache-2.0
// Opens a bundle that may come from anybody. It is unpacked into a private folder, within limits, and holds only files
// that its manifest lists; every checksum must match before anything is used.
import { createReadStream, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { Parser, type ReadEntry } from 'tar';
import type { Result } from '../../model/result/result.js';
import { readRun } from '../../store/run/read-run.js';
import { LabError, messageOf } from '../../util/errors.js';
import { removeTemp, makeTemp } from '../../util/process/reaper.js';
import { EntryWriter } from '../../util/archive/entry-writer.js';
import { intoTar } from '../../util/archive/untar.js';
import { type FileOfBundle, MANIFEST, type Manifest, manifestSchema, MAX } from './manifest.js';
import { scenarioOf, subjectOf } from '../rerun/subject.js';
import type { RecordedKernel } from '../rerun/exact-kernel.js';

/** The unpacked run of a bundle. */
export interface OpenBundle {
  /** Folder of the run. */
  run: string;
  result: Result;
  /** The files of a kernel by its SHA-256; null if the bundle does not hold a kernel that boots. */
  kernelFiles: (sha256: string) => RecordedKernel['files'];
  /** Removes the unpacked files. */
  close: () => void;
}

/** Room for tar's headers and padding, and for what may follow its end. */
const TAR_EXTRA = 1 << 20;

export interface OpenBundleOptions {
  /** The scenario may use files and QEMU options of this host. */
  trust: boolean;
  /** Limit of bytes that the bundle may unpack to. */
  maxBytes?: number | undefined;
}

/** Throws a LabError that says what is wrong with the bundle; then no unpacked file stays. */
export async function openBundle(path: string, { trust, maxBytes = MAX.all }: OpenBundleOptions): Promise<OpenBundle> {
  const dir = makeTemp(join(tmpdir(), 'lab-bundle-'));
  const close = () => {
    removeTemp(dir);
  };
  try {
    const manifest = await unpack(path, dir, maxBytes);
    const run = join(dir, 'run');
    const read = readRun(run);
    if (read.state !== 'whole') throw new Error(`its run cannot be used: ${read.why}`);
    if (read.result.id !== manifest.run) throw new Error('it holds another run than its manifest says');
    const bundle: OpenBundle = {
      run,
      result: read.result,
      kernelFiles: (sha256) => kernelIn(dir, manifest, sha256),
      close,
    };
    // Refuses at once what the rule for data does not allow (docs/security.md).
    scenarioOf(await subjectOf(run, read.result, { bundled: bundle.kernelFiles, trust }), {}, () => null);
    return bundle;
  } catch (error) {
    close();
    throw error instanceof LabError
      ? error
      : new LabError(`${basename(path)} is not a usable bundle: ${messageOf(error)}`, { cause: error });
  }
}

async function unpack(path: string, dir: string, maxBytes: number): Promise<Manifest> {
  const unpacker = new Unpacker(dir, basename(path));
  let bytes = 0;
  const bound = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      bytes += chunk.length;
      next(
        bytes > Math.min(maxBytes, unpacker.announced) + TAR_EXTRA
          ? unpacker.refusal('it unpacks to more than its manifest says')
          : unpacker.failed,
        chunk,
      );
    },
  });
  const parser = new Parser({ strict: true, onReadEntry: (entry) => unpacker.take(entry) });
  try {
    await pipeline(createReadStream(path), createGunzip(), bound, intoTar(parser));
  } catch (error) {
    throw unpacker.failed ?? (error instanceof LabError ? error : unpacker.refusal(messageOf(error)));
  } finally {
    unpacker.writer.close();
  }
  return unpacker.finish();
}

class Unpacker {
  failed: LabError | null = null;
  /** Only this user can read the files. */
  readonly writer = new EntryWriter(0o600);
  private manifest: Manifest | null = null;
  private readonly left = new Map<string, FileOfBundle>();

  constructor(
    private readonly dir: string,
    private readonly name: string,
  ) {}

  refusal(why: string): LabError {
    return new LabError(`${this.name} is not a usable bundle: ${why}`);
  }

  /** Writes one entry as it arrives. An entry that does not belong there makes the whole bundle unusable. */
  take(entry: ReadEntry): void {
    const why = this.failed === null ? this.wrongWith(entry) : 'already refused';
    if (why !== null) {
      this.failed ??= this.refusal(why);
      entry.resume();
      return;
    }
    if (this.manifest === null) this.takeManifest(entry);
    else this.takeFile(entry, this.left.get(entry.path) as FileOfBundle);
  }

  /** Bytes of all files, as far as they are known by now. */
  get announced(): number {
    return MAX.manifest + (this.manifest?.files.reduce((sum, { size }) => sum + size, 0) ?? 0);
  }

  finish(): Manifest {
    if (this.failed !== null) throw this.failed;
    if (this.manifest === null) throw this.refusal(`it has no ${MANIFEST}`);
    const [missing] = this.left.keys();
    if (missing !== undefined) throw this.refusal(`${missing} is missing: the bundle is truncated`);
    return this.manifest;
  }

  private wrongWith({ type, path, size }: ReadEntry): string | null {
    if (type !== 'File' && type !== 'OldFile') return `it holds a ${type}, but only plain files are allowed`;
    if (this.manifest === null)
      return path !== MANIFEST
        ? `its first file is not ${MANIFEST}`
        : size > MAX.manifest
          ? `${MANIFEST} has ${size} bytes`
          : null;
    const listed = this.left.get(path);
    if (listed === undefined) return `it holds a file that ${MANIFEST} does not list, or holds it twice`;
    return listed.size === size ? null : `${path} has ${size} bytes instead of ${listed.size}`;
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
    this.writer.write(entry, join(this.dir, path), {
      failed: (error) =>
        (this.failed ??= new LabError(`the bundle cannot be unpacked: ${messageOf(error)}`, { cause: error })),
      written: (found) => {
        if (found !== sha256) this.failed ??= this.refusal(`${path} has changed since it was packed (SHA-256)`);
      },
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
  // The kernel will be booted as that of the run, so it must be the same to the byte.
  if (bzImage === null || bzImage.sha256 !== sha256) return null;
  return {
    bzImage: bzImage.path,
    vmlinux: at('vmlinux')?.path ?? null,
    config: at('config')?.path ?? null,
    systemMap: at('System.map')?.path ?? null,
  };
}
