// SPDX-License-Identifier: Apache-2.0
// The digest of a file with holes. Blocks of zeros are left out, and each other block goes in with its offset: the file
// of a machine's RAM is mostly holes, and hashing them would take most of the time.
import { createHash } from 'node:crypto';
import { type BigIntStats, constants, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

const BLOCK = 1 << 20;
const ZEROS = Buffer.alloc(BLOCK);

export interface Digest {
  digest: string;
  bytes: number;
  /** Changes whenever somebody writes to the file: nobody can set its ctime. */
  stamp: string;
}

/** Throws the system's error if the file cannot be read, and an Error if it is written meanwhile. */
export async function digestOf(path: string, signal?: AbortSignal): Promise<Digest> {
  const file = await openRegular(path);
  try {
    const before = await stampOf(file);
    const hash = createHash('sha256');
    const block = Buffer.alloc(BLOCK);
    const offset = Buffer.alloc(8);
    let bytes = 0;
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead } = await file.read(block, 0, BLOCK, bytes);
      if (bytesRead === 0) break;
      const data = block.subarray(0, bytesRead);
      if (!data.equals(ZEROS.subarray(0, bytesRead))) {
        offset.writeBigUInt64LE(BigInt(bytes));
        hash.update(offset).update(data);
      }
      bytes += bytesRead;
    }
    offset.writeBigUInt64LE(BigInt(bytes));
    const digest = hash.update(offset).digest('hex');
    if ((await stampOf(file)) !== before) throw new Error(`${path} changed while it was read`);
    return { digest, bytes, stamp: before };
  } finally {
    await file.close();
  }
}

/** The stamp of a file, without reading it. Throws the system's error. */
export async function stampAt(path: string): Promise<string> {
  const file = await openRegular(path);
  try {
    return await stampOf(file);
  } finally {
    await file.close();
  }
}

/** The stamp of a regular file that is in use. Throws the system's error. */
export function fileStamp(path: string): string {
  return stampText(statSync(path, { bigint: true }));
}

/** Opening a pipe must not wait for its other end. */
async function openRegular(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new Error(`${path} is not a regular file`);
}

async function stampOf(file: FileHandle): Promise<string> {
  return stampText(await file.stat({ bigint: true }));
}

function stampText({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}
