// SPDX-License-Identifier: Apache-2.0
// Unpacks a compressed archive of plain files that another host sent. Only the names and contents of its files count.
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { Parser, type ReadEntry } from 'tar';
import { LabError } from '../errors.js';
import { printable } from '../text/escape.js';
import { EntryWriter } from './entry-writer.js';
import { intoTar } from './untar.js';

export interface FileSum {
  size: number;
  /** 64 hexadecimal digits. */
  sha256: string;
}

export interface UnpackRules {
  /** What arrives, for messages: "a received run". */
  what: string;
  allows: (name: string) => boolean;
  maxFiles: number;
  /** Limit for all files together, unpacked. */
  maxBytes: number;
  /** What the sender signed; every file must be in it, and none may be missing. Null: any allowed file. */
  manifest: ReadonlyMap<string, FileSum> | null;
}

/** A name without folders: it leads nowhere else, and is not hidden. */
const PLAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
/** Room for tar's headers and padding of each file. */
const TAR_EXTRA_BYTES = 4096;

/**
 * Unpacks into an empty folder. Throws a LabError that names the first thing that does not belong there; what is in the
 * folder by then is worth nothing.
 */
export async function unpackFiles(
  archive: AsyncIterable<Buffer>,
  dir: string,
  rules: UnpackRules,
): Promise<Map<string, FileSum>> {
  const unpacker = new Unpacker(dir, rules);
  const parser = new Parser({ strict: true, onReadEntry: (entry) => unpacker.take(entry) });
  try {
    await pipeline(Readable.from(archive), createGunzip(), unpacker.bound(), intoTar(parser));
  } catch (error) {
    throw unpacker.failed ?? error;
  } finally {
    unpacker.writer.close();
  }
  return unpacker.finish();
}

class Unpacker {
  failed: Error | null = null;
  readonly writer = new EntryWriter(0o644);
  private readonly files = new Map<string, FileSum>();
  private bytes = 0;

  constructor(
    private readonly dir: string,
    private readonly rules: UnpackRules,
  ) {}

  /** Ends the pipeline at the first failure, and when more arrives than files within the limits can need. */
  bound(): Transform {
    const { maxBytes, maxFiles, what } = this.rules;
    let total = 0;
    return new Transform({
      transform: (chunk: Buffer, _encoding, next) => {
        // The parser would unpack a second layer of compression, gzip or zstd, past every limit.
        if (total === 0 && (chunk[0] === 0x1f || chunk[0] === 0x28))
          this.failed ??= new LabError(`${what} is compressed twice`);
        total += chunk.length;
        if (total > maxBytes + maxFiles * TAR_EXTRA_BYTES)
          this.failed ??= new LabError(`${what} unpacks to more than ${maxBytes} bytes`);
        next(this.failed, chunk);
      },
    });
  }

  take(entry: ReadEntry): void {
    const name = entry.path.replace(/^\.\//, '');
    if (this.failed === null) this.failed = this.wrongWith(name, entry);
    if (this.failed === null) this.write(name, entry);
    else entry.resume();
  }

  finish(): Map<string, FileSum> {
    if (this.failed !== null) throw this.failed;
    for (const name of this.rules.manifest?.keys() ?? [])
      if (!this.files.has(name)) throw new LabError(`${this.rules.what} lacks the file ${name}`);
    return this.files;
  }

  private wrongWith(name: string, { type, size }: ReadEntry): LabError | null {
    const { what, allows, maxBytes, maxFiles, manifest } = this.rules;
    const shown = printable(name, 120);
    this.bytes += size;
    if (!['File', 'OldFile'].includes(type) || !PLAIN_NAME.test(name) || !allows(name) || this.bytes > maxBytes)
      return new LabError(`${what} contains ${shown}, which does not belong there: ${type} of ${this.bytes} bytes`);
    if (this.files.has(name)) return new LabError(`${what} contains ${shown} twice`);
    if (this.files.size >= maxFiles) return new LabError(`${what} contains more than ${maxFiles} files`);
    if (manifest === null) return null;
    const listed = manifest.get(name);
    if (listed === undefined) return new LabError(`${what} contains ${shown}, which its sender did not list`);
    return listed.size === size
      ? null
      : new LabError(`${what} contains ${shown} with ${size} bytes instead of ${listed.size}`);
  }

  private write(name: string, entry: ReadEntry): void {
    const { what, manifest } = this.rules;
    const { size } = entry;
    this.files.set(name, { size, sha256: '' });
    this.writer.write(entry, join(this.dir, name), {
      failed: (error) => (this.failed ??= error),
      written: (sha256) => {
        this.files.set(name, { size, sha256 });
        const listed = manifest?.get(name);
        if (listed !== undefined && listed.sha256 !== sha256)
          this.failed ??= new LabError(`${what} contains ${name} with another SHA-256 than its sender listed`);
      },
    });
  }
}
