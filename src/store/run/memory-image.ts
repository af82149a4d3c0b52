// SPDX-License-Identifier: Apache-2.0
// Stores a memory image in a file: gzip over one line of JSON, followed by runs of pages. Before each run: its page
// frame (64 bits) and number of pages (32 bits), little-endian. A run of 0 pages ends the file; its frame is 1 if the
// size limit was reached. Reading and writing are bounded.
import { createWriteStream, readFileSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, gunzipSync } from 'node:zlib';
import { z } from 'zod';
import type { ImageHead, ImagePages, MemoryImage } from '../../model/result/memory-image.js';
import { LabError, messageOf } from '../../util/errors.js';

const PAGE = 4096;
const FORMAT = 'lab-memory-image-1';
/** Limits in bytes: of pages, of the file, and of the first line. */
const LIMITS = { raw: 1 << 30, file: 1 << 30, head: 1 << 16 };
const RUN = 12;
/** How many pages are written at once. */
const CHUNK = 1024;

const address = z
  .number()
  .int()
  .min(0)
  .max(2 ** 52);
const headSchema = z.strictObject({
  format: z.literal(FORMAT),
  moment: z.enum(['jump', 'end']),
  epoch: z.number().int().min(0).max(10_000),
  root: address.nullable(),
  pages: z.enum(['handover', 'used']),
  ranges: z.array(z.tuple([address, address]).readonly()).max(64),
});

export const imageName = ({ moment, epoch }: Pick<ImageHead, 'moment' | 'epoch'>) => `memory-${moment}-${epoch}.gz`;
export const IMAGE_NAME = /^memory-(jump|end)-\d{1,5}\.gz$/;

/**
 * Writes a file. Rejects with errors of the disk.
 * @returns whether it contains all pages
 */
export async function writeMemoryImage(
  path: string,
  head: ImageHead,
  pages: Iterable<ImagePages>,
  signal: AbortSignal,
  max = LIMITS.raw,
): Promise<boolean> {
  let left = max;
  let whole = true;
  function* parts(): Generator<Buffer> {
    yield Buffer.from(`${JSON.stringify({ format: FORMAT, ...head })}\n`);
    for (const { pfn, bytes } of pages) {
      signal.throwIfAborted();
      for (let at = 0; at < bytes.length; at += CHUNK * PAGE) {
        const part = bytes.subarray(at, at + CHUNK * PAGE);
        if ((left -= part.length) < 0) {
          whole = false;
          yield runHead(1, 0);
          return;
        }
        yield Buffer.concat([runHead(pfn + at / PAGE, part.length / PAGE), part]);
      }
    }
    yield runHead(0, 0);
  }
  // The lowest level: most pages are either nearly empty or noise.
  await pipeline(Readable.from(parts()), createGzip({ level: 1 }), createWriteStream(path, { flags: 'wx' }), {
    signal,
  });
  return whole;
}

function runHead(pfn: number, pages: number): Buffer {
  const head = Buffer.alloc(RUN);
  head.writeBigUInt64LE(BigInt(pfn));
  head.writeUInt32LE(pages, 8);
  return head;
}

/**
 * Reads a file. Throws a LabError if it is not an image, is cut short, or unpacks to more than the limit.
 * @param max limit for the bytes of all pages
 */
export function readMemoryImage(path: string, max = LIMITS.raw): MemoryImage {
  const no = (why: string) => new LabError(`${path} is not a complete memory image: ${why}`);
  let bytes: Buffer;
  try {
    if (statSync(path).size > LIMITS.file) throw no('it is too large');
    bytes = gunzipSync(readFileSync(path), { maxOutputLength: max + LIMITS.head + (max / PAGE) * RUN });
  } catch (error) {
    throw error instanceof LabError ? error : no(messageOf(error));
  }
  const line = bytes.subarray(0, LIMITS.head).indexOf(10);
  let head: z.infer<typeof headSchema>;
  try {
    head = headSchema.parse(JSON.parse(bytes.toString('utf8', 0, Math.max(0, line))));
  } catch {
    throw no('its first line is not that of an image');
  }
  const { format: _, ...rest } = head;
  return { head: rest, ...pagesOf(bytes, line + 1, head, no) };
}

function pagesOf(
  bytes: Buffer,
  start: number,
  { pages: kind, ranges }: Pick<ImageHead, 'pages' | 'ranges'>,
  no: (why: string) => LabError,
): Omit<MemoryImage, 'head'> {
  const offsets = new Map<number, number>();
  let at = start;
  let cut: boolean | null = null;
  while (cut === null) {
    if (at + RUN > bytes.length) throw no('it is cut short');
    const pfn = Number(bytes.readBigUInt64LE(at));
    const count = bytes.readUInt32LE(at + 8);
    at += RUN;
    if (count === 0) cut = pfn === 1;
    else if (at + count * PAGE > bytes.length || pfn + count > 2 ** 40) throw no('it is cut short');
    for (let i = 0; i < count; i++, at += PAGE) offsets.set(pfn + i, at);
  }
  // An image of all used pages leaves out those that contain only zeros.
  const zeros = (pfn: number) =>
    kind === 'used' && !cut && ranges.some(([from, to]) => pfn * PAGE >= from && pfn * PAGE < to);
  return {
    cut,
    read: (phys, into) => {
      for (let done = 0; done < into.length;) {
        const offset = (phys + done) % PAGE;
        const pfn = (phys + done - offset) / PAGE;
        const count = Math.min(into.length - done, PAGE - offset);
        const from = offsets.get(pfn);
        if (from !== undefined) into.set(bytes.subarray(from + offset, from + offset + count), done);
        else if (zeros(pfn)) into.fill(0, done, done + count);
        else return false;
        done += count;
      }
      return true;
    },
    *pages() {
      for (const [pfn, from] of offsets) yield { phys: pfn * PAGE, bytes: bytes.subarray(from, from + PAGE) };
    },
  };
}
