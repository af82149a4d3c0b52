// SPDX-License-Identifier: Apache-2.0
// Reads untrusted physical memory: every read has a limit, and every address found there is checked.
import { LabError } from '../../util/errors.js';

/** Reads physical memory; false if there is no RAM at this address. */
export type ReadPhys = (phys: number, into: Uint8Array) => boolean;

/** A place does not exist, or a structure on the way to it is invalid. The message names it. */
export class HandoverError extends LabError {
  override name = 'HandoverError';
}

export const PAGE = 4096;
/** Physical addresses of x86-64 have 52 bits. */
const MAX_PHYS = 2n ** 52n;
const MAX_READ = 1 << 20;

export function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

export class Memory {
  constructor(private readonly read: ReadPhys) {}

  /**
   * Throws HandoverError if there is no RAM.
   * @param what name of these bytes in the message
   */
  bytes(phys: number, length: number, what: string): Uint8Array {
    const into = new Uint8Array(Math.min(length, MAX_READ));
    if (length > MAX_READ || !Number.isSafeInteger(phys) || phys < 0 || !this.read(phys, into)) {
      throw new HandoverError(`${what}: no memory at ${hex(phys)} (${length} bytes)`);
    }
    return into;
  }

  /** A little-endian number of 1 to 8 bytes. */
  number(phys: number, size: number, what: string): bigint {
    return littleEndian(this.bytes(phys, size, what));
  }

  /** Checks an address that was read from memory: it is not 0, it is aligned, and there is RAM. */
  address(value: bigint, align: number, what: string): number {
    if (value === 0n) throw new HandoverError(`${what}: it is not there (the address is 0)`);
    if (value >= MAX_PHYS || value % BigInt(align) !== 0n)
      throw new HandoverError(`${what}: ${hex(value)} is not a valid address`);
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
