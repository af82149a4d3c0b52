// SPDX-License-Identifier: Apache-2.0
// QEMU's migration stream, as far as the lab writes it itself (QEMU 7.2: migration/savevm.c, migration/ram.c).
// QEMU writes the state of its devices into a file, but none of its memory. RAM comes from a file of its own, so only
// the firmware is missing: a machine that is reset later begins there.
import { SnapshotError } from './error.js';

/** Bytes of a state. A machine of the lab has some 500 KiB. */
export const MAX_STATE = 64 << 20;

const MAGIC = Buffer.from('QEVM\0\0\0\x03', 'latin1');
const SECTION_FULL = 0x04;
const DESCRIPTION = 0x06;
const FOOTER = 0x7e;
/** QEMU counts its own sections from 0. */
const SECTION_ID = 0x7fff_0000;
const RAM_VERSION = 4;
/** Flags in the low bits of an address (migration/ram.c). */
const MEM_SIZE = 0x04;
const PAGE = 0x08;
const EOS = 0x10;
const PAGE_SIZE = 4096;

export interface Firmware {
  /** Name of QEMU's block of memory. */
  block: string;
  content: Uint8Array;
}

/**
 * Makes a stream that `-incoming` loads.
 * @param devices what QEMU wrote for `xen-save-devices-state`
 */
export function withFirmware(devices: Uint8Array, firmware: Firmware): Buffer {
  if (!MAGIC.equals(devices.subarray(0, MAGIC.length)))
    throw new SnapshotError('save', 'QEMU wrote a state in a format that the lab does not know');
  return Buffer.concat([
    MAGIC,
    ramSection(firmware),
    devices.subarray(MAGIC.length),
    // QEMU expects a description for debugging after the end, and warns without one.
    byte(DESCRIPTION),
    word(2),
    Buffer.from('{}'),
  ]);
}

function ramSection({ block, content }: Firmware): Buffer {
  const name = named(block);
  const pages: Buffer[] = [];
  for (let at = 0; at < content.length; at += PAGE_SIZE)
    pages.push(long(at | PAGE), name, Buffer.from(content.subarray(at, at + PAGE_SIZE)));
  return Buffer.concat([
    byte(SECTION_FULL),
    word(SECTION_ID),
    named('ram'),
    word(0),
    word(RAM_VERSION),
    long(content.length | MEM_SIZE),
    name,
    long(content.length),
    ...pages,
    long(EOS),
    byte(FOOTER),
    word(SECTION_ID),
  ]);
}

function named(text: string): Buffer {
  return Buffer.concat([byte(text.length), Buffer.from(text, 'latin1')]);
}

function byte(value: number): Buffer {
  return Buffer.from([value]);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function long(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
