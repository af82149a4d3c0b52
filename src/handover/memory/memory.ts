// SPDX-License-Identifier: Apache-2.0
// Physical memory that may hold anything: every read is bounded, every address that was read there is checked.
import { LabError } from '../../util/errors.js';

/** Reads physical memory; false where there is no RAM. Addresses in bytes. */
export type ReadPhys = (phys: number, into: Uint8Array) => boolean;

/** A place that is not there, or a structure on the way to it that is not sound. The message says which. */
export class HandoverError extends LabError {
  override name = 'HandoverError';
}

export const PAGE = 4096;
/** Physical addresses of x86-64 have 52 bits. */
const MOST_PHYS = 2n ** 52n;
const LONGEST_READ = 1 << 20;

export function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

export class Memory {
  constructor(private readonly read: ReadPhys) {}

  /** @param what what is read, for the message. Throws HandoverError where there is no RAM. */
  bytes(phys: number, length: number, what: string): Uint8Array {
    const into = new Uint8Array(Math.min(length, LONGEST_READ));
    if (length > LONGEST_READ || !Number.isSafeInteger(phys) || phys < 0 || !this.read(phys, into)) {
      throw new HandoverError(`${what}: no memory at ${hex(phys)} (${length} bytes)`);
    }
    return into;
  }

  /** A little-endian number of 1 to 8 bytes. */
  number(phys: number, size: number, what: string): bigint {
    return littleEndian(this.bytes(phys, size, what));
  }

  /** An address that was read in memory: there is one, it is aligned, and there is memory. Bytes. */
  address(value: bigint, align: number, what: string): number {
    if (value === 0n) throw new HandoverError(`${what}: there is none (the address is 0)`);
    if (value >= MOST_PHYS || value % BigInt(align) !== 0n)
      throw new HandoverError(`${what}: ${hex(value)} is no sound address`);
    const phys = Number(value);
    this.bytes(phys, align, what);
    return phys;
  }
}

export function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** The text up to the first NUL, or all of it. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('latin1');
}
