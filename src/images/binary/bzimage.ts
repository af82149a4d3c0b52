// SPDX-License-Identifier: Apache-2.0
// Reads a bzImage: its release and its compressed payload (Documentation/arch/x86/boot.rst). The file is not trusted:
// every field is checked, every read is bounded.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { LabError } from '../../util/errors.js';

const SETUP_SECTS = 0x1f1;
const HEADER_MAGIC = 0x202;
const PROTOCOL = 0x206;
const KERNEL_VERSION = 0x20e;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;
const INIT_SIZE = 0x260;
const HEADER_BYTES = 0x270;
const SECTOR = 512;
/** Longest release that the kernel can have (__NEW_UTS_LEN). */
const MAX_RELEASE = 64;

export interface BzImage {
  /** The release that `uname -r` will print; null if the header has none. */
  release: string | null;
  payload: { offset: number; length: number } | null;
  /** Memory that it needs to unpack itself, in bytes; null before boot protocol 2.10. */
  initSize: number | null;
}

export function readBzImage(path: string): BzImage {
  const fd = openSync(path, 'r');
  try {
    const size = fstatSync(fd).size;
    const head = Buffer.alloc(HEADER_BYTES);
    const got = readSync(fd, head, 0, HEADER_BYTES, 0);
    if (got < HEADER_BYTES || head.toString('latin1', HEADER_MAGIC, HEADER_MAGIC + 4) !== 'HdrS') {
      throw new LabError(`${path} is not a bzImage: it has no Linux boot header`);
    }
    const sectors = (head[SETUP_SECTS] || 4) + 1;
    const setup = sectors * SECTOR;
    if (setup >= size)
      throw new LabError(`${path} is cut off: its header claims ${setup} bytes of setup code, the file has ${size}`);
    return {
      release: readRelease(fd, head, setup),
      payload: payloadOf(path, head, setup, size),
      initSize: initSizeOf(head),
    };
  } finally {
    closeSync(fd);
  }
}

function readRelease(fd: number, head: Buffer, setup: number): string | null {
  const pointer = head.readUInt16LE(KERNEL_VERSION);
  if (head.readUInt16LE(PROTOCOL) < 0x200 || pointer === 0 || pointer + SECTOR >= setup) return null;
  const text = Buffer.alloc(Math.min(MAX_RELEASE + 1, setup - pointer - SECTOR));
  const got = readSync(fd, text, 0, text.length, pointer + SECTOR);
  // "7.3.4-lab (user@host) #1 SMP ...": the release ends at the first blank.
  const match = /^[\x21-\x7e]{1,64}(?=[ \0])/.exec(text.toString('latin1', 0, got));
  return match ? match[0] : null;
}

function initSizeOf(head: Buffer): number | null {
  const size = head.readUInt16LE(PROTOCOL) < 0x20a ? 0 : head.readUInt32LE(INIT_SIZE);
  return size === 0 ? null : size;
}

function payloadOf(path: string, head: Buffer, setup: number, size: number): { offset: number; length: number } | null {
  if (head.readUInt16LE(PROTOCOL) < 0x208) return null;
  const offset = setup + head.readUInt32LE(PAYLOAD_OFFSET);
  const length = head.readUInt32LE(PAYLOAD_LENGTH);
  if (length === 0) return null;
  if (offset + length > size)
    throw new LabError(`${path} is cut off: its payload ends at ${offset + length}, the file at ${size}`);
  return { offset, length };
}

const PE_POINTER = 0x3c;
const DOS_BYTES = 0x40;

/** Whether the file begins as a PE file too, as CONFIG_EFI_STUB makes it (arch/x86/boot/header.S). */
export function hasPeHeader(path: string): boolean {
  const fd = openSync(path, 'r');
  try {
    const head = Buffer.alloc(DOS_BYTES);
    if (readSync(fd, head, 0, DOS_BYTES, 0) < DOS_BYTES || head.toString('latin1', 0, 2) !== 'MZ') return false;
    const magic = Buffer.alloc(4);
    const got = readSync(fd, magic, 0, magic.length, head.readUInt32LE(PE_POINTER));
    return got === magic.length && magic.toString('latin1') === 'PE\0\0';
  } finally {
    closeSync(fd);
  }
}
