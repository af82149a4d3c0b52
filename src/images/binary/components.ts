// SPDX-License-Identifier: Apache-2.0
// Finds which components of the handover format a kernel knows, from the version strings in its image ("memfd-v2").
// Images may have any origin and size: they are read in chunks, and unpacking is bounded.
import { createReadStream, openSync, closeSync, readSync } from 'node:fs';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { type ByteSource, fromMemory, registeredIn } from '../../compat/index.js';
import type { Component, Registered } from '../../model/kernel/component.js';
import { runCommand } from '../../util/process/command.js';
import { messageOf } from '../../util/errors.js';
import { readBzImage } from './bzimage.js';
import { findProgram } from '../requirements.js';
import { listedIn, withFile } from './section.js';

/**
 * Components whose version strings are searched for anywhere. Handlers are found by their structure, whatever their
 * name.
 */
export const SCANNED: readonly string[] = ['kho', 'luo', 'luo-session', 'luo-flb', 'memfd', 'memblock', 'reserve-mem'];
/**
 * A whole string: it ends with NUL and is not the tail of a longer string. NUL may precede it, or the last byte of a
 * pointer.
 */
const VERSION_STRING = new RegExp(`(?<![\\x20-\\x7e\\t\\n])(${SCANNED.join('|')})-v([0-9]{1,9})(?=\\0)`, 'g');
/**
 * Kernels keep the name of a handler in a field of its structure: char[48], behind a pointer to its operations (struct
 * liveupdate_file_handler).
 */
const HANDLER_FIELD = 48;
const HANDLER_NAME = /(?<=\xff{4})([a-z][a-z0-9]{0,30}(?:[-_][a-z0-9]{1,30}){0,6})-v([0-9]{1,9})(\0{1,48})/g;
/** The lab's object has a field for each version that it could ever be built for. Its own list tells which it reads. */
const NO_HANDLERS: readonly string[] = ['object'];
/**
 * Two chunks overlap by this much. No version string is longer, nor is a handler's field with half a pointer before it.
 */
const OVERLAP = 64;
/** The most bytes that are searched. A vmlinux with all its debug information is smaller. */
export const MAX_SCANNED = 4 * 2 ** 30;
/** The most bytes that are unpacked from a bzImage. */
export const MAX_UNPACKED = 2 ** 30;
const MAX_COMPONENTS = 256;
/** The most bytes of an unpacked bzImage that are kept. Its sections can only be read from the whole. */
const MAX_KEPT = 256 * 2 ** 20;

/** Finds version strings in a stream of bytes. */
export class ComponentScanner {
  private rest = '';
  private readonly found = new Map<string, Component>();
  bytes = 0;

  feed(chunk: Buffer): void {
    this.bytes += chunk.length;
    const text = this.rest + chunk.toString('latin1');
    for (const match of text.matchAll(VERSION_STRING)) {
      // The text before the overlap is gone. The previous chunk has already been searched for this match.
      if (match.index === 0 && this.rest !== '') continue;
      this.add(match[1] ?? '', Number(match[2]));
    }
    for (const match of text.matchAll(HANDLER_NAME)) {
      const [, name = '', version = '', zeros = ''] = match;
      const isField = `${name}-v${version}${zeros}`.length >= HANDLER_FIELD;
      if (isField && !NO_HANDLERS.includes(name)) this.add(name, Number(version));
    }
    this.rest = text.slice(-OVERLAP);
  }

  private add(name: string, version: number): void {
    if (this.found.size < MAX_COMPONENTS) this.found.set(`${name}-v${version}`, { name, version });
  }

  components(): Component[] {
    return [...this.found.values()].sort((a, b) => a.name.localeCompare(b.name) || a.version - b.version);
  }
}

export interface ScanResult {
  components: Component[];
  /** The kernel's own list of versions; null if it has no readable one. */
  listed: Component[] | null;
  /** What it registers with LUO; null if that cannot be read. */
  registered: Registered | null;
  /** The whole image was searched. */
  whole: boolean;
  /** What could not be found, and why. */
  notes: string[];
}

/** Keeps all input, so that it can be read as a whole afterwards. */
class KeepingScanner extends ComponentScanner {
  private kept: Buffer[] | null = [];

  override feed(chunk: Buffer): void {
    super.feed(chunk);
    if (this.bytes > MAX_KEPT) this.kept = null;
    this.kept?.push(chunk);
  }

  /** Returns the input; null if it was too large. */
  whole(): Buffer | null {
    return this.kept && Buffer.concat(this.kept);
  }
}

export async function scanVmlinux(path: string, signal?: AbortSignal): Promise<ScanResult> {
  const scanner = new ComponentScanner();
  const notes: string[] = [];
  await scanStream(createReadStream(path, { highWaterMark: 1 << 20 }), scanner, MAX_SCANNED, notes, path, signal);
  return result(scanner, notes, path, (read) => withFile(path, read));
}

/** Compression formats of a bzImage, by their first bytes. */
const FORMATS: { name: string; magic: number[]; command: string[] | null }[] = [
  { name: 'gzip', magic: [0x1f, 0x8b], command: null },
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a], command: ['xz', '-dc'] },
  { name: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd], command: ['zstd', '-dc'] },
  { name: 'lz4', magic: [0x02, 0x21, 0x4c, 0x18], command: ['lz4', '-dc'] },
  { name: 'lzma', magic: [0x5d, 0x00, 0x00], command: ['xz', '--format=lzma', '-dc'] },
  { name: 'bzip2', magic: [0x42, 0x5a, 0x68], command: ['bzip2', '-dc'] },
  { name: 'lzo', magic: [0x89, 0x4c, 0x5a, 0x4f], command: ['lzop', '-dc'] },
];

export async function scanBzImage(path: string, signal?: AbortSignal): Promise<ScanResult> {
  const notes: string[] = [];
  const { payload } = readBzImage(path);
  if (payload === null)
    return { ...NOTHING, notes: [`${path}: the boot header has no payload, so its components are not known`] };
  const magic = firstBytes(path, payload.offset, 8);
  const format = FORMATS.find((candidate) => candidate.magic.every((byte, i) => magic[i] === byte));
  if (!format)
    return { ...NOTHING, notes: [`${path}: the payload has an unknown format, so its components are not known`] };
  const scanner = new KeepingScanner();
  const packed = () =>
    createReadStream(path, { start: payload.offset, end: payload.offset + payload.length - 1, highWaterMark: 1 << 20 });
  if (format.command === null) {
    const gunzip = createGunzip();
    const source = packed();
    source.on('error', (error) => gunzip.destroy(error));
    await scanStream(source.pipe(gunzip), scanner, MAX_UNPACKED, notes, path, signal);
    source.destroy();
  } else {
    await scanThrough(format.command, packed(), scanner, notes, path, signal);
  }
  return result(scanner, notes, path, (read) => {
    const bytes = scanner.whole();
    return bytes === null ? null : read(fromMemory(bytes));
  });
}

const NOTHING = { components: [], listed: null, registered: null, whole: false };

/**
 * Makes the result.
 * @param withImage gives the whole image to what reads it; called if everything was searched
 */
function result(
  scanner: ComponentScanner,
  notes: string[],
  path: string,
  withImage: <T>(read: (source: ByteSource) => T) => T | null,
): ScanResult {
  const whole = notes.length === 0;
  const components = scanner.components();
  const listed = whole ? withImage((source) => listedIn(source, notes)) : null;
  const registered = whole ? withImage(registeredIn) : null;
  if (components.length === 0 && listed === null && whole)
    notes.push(`${path}: no version string of a handover component found`);
  return { components, listed, registered, whole, notes };
}

function firstBytes(path: string, offset: number, count: number): Buffer {
  const fd = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(count);
    readSync(fd, bytes, 0, count, offset);
    return bytes;
  } finally {
    closeSync(fd);
  }
}

class LimitError extends Error {}

async function scanStream(
  stream: Readable,
  scanner: ComponentScanner,
  limit: number,
  notes: string[],
  path: string,
  signal?: AbortSignal,
): Promise<void> {
  const sink = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      scanner.feed(chunk);
      done(scanner.bytes > limit ? new LimitError(`only the first ${limit} bytes were searched`) : null);
    },
  });
  sink.resume();
  try {
    await pipeline(stream, sink, signal ? { signal } : {});
  } catch (error) {
    signal?.throwIfAborted();
    // What was found so far still counts.
    notes.push(`${path}: ${messageOf(error)}`);
  }
}

async function scanThrough(
  command: string[],
  packed: Readable,
  scanner: ComponentScanner,
  notes: string[],
  path: string,
  signal?: AbortSignal,
): Promise<void> {
  const [tool = ''] = command;
  if (findProgram(tool) === null) {
    packed.destroy();
    notes.push(`${path}: packed with ${tool}, which this host does not have, so its components are not known`);
    return;
  }
  const stop = new AbortController();
  const either = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  try {
    await runCommand(command, {
      input: packed,
      signal: either,
      onStdout: (chunk) => {
        if (scanner.bytes <= MAX_UNPACKED) scanner.feed(chunk);
        else stop.abort(new LimitError(`only the first ${MAX_UNPACKED} bytes were searched`));
      },
    });
    // The kernel appends its unpacked size. Unpackers complain about these four bytes after they have done all their
    // work.
    if (scanner.bytes === 0) notes.push(`${path}: ${tool} could not unpack it, so its components are not known`);
  } catch (error) {
    signal?.throwIfAborted();
    notes.push(`${path}: ${messageOf(error)}`);
  }
}
