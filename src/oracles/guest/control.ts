// SPDX-License-Identifier: Apache-2.0
// Decodes the control page of the bare guest (docs/guest-payload.md): how far its chain is, and which errors it found
// in itself. A broken guest may have written it, so every number is only a claim.
import type { Pair } from './digest.js';

const MAGIC = 'LABGUEST';
const LAYOUT = 2;
export const MAX_VCPUS = 8;
const MAX_DEVICES = 4;
const PHASES = ['idle', 'takes', 'gives'] as const;

export interface VcpuControl {
  ticks: number;
  /** Links done. */
  links: number;
  head: Pair;
  /** Number of the link that is being written; equal to `links` if there is none. */
  working: number;
  next: Pair;
  oldHead: Pair;
  oldPrevious: Pair;
  chainBad: number;
  firstBad: number;
  fpuBad: number;
  msrBad: number;
  debugBad: number;
  tscBack: number;
  /** The largest step of the TSC between two ticks. */
  tscStep: number;
  constantBad: number;
  /** Vector of the exception that ended the vCPU; null if there was none. */
  exception: number | null;
}

/** A device that the guest drives itself: its current or last transfer, and how far it is. */
export interface DeviceControl {
  transfer: number;
  /** The last transfer that the guest found right; 0 if there is none. */
  landed: number;
  phase: 'idle' | 'takes' | 'gives';
}

export interface ControlPage {
  vcpus: VcpuControl[];
  devices: DeviceControl[];
  seed: number;
  first: number;
  pages: number;
  tscKhz: number;
  constants: Pair;
}

/**
 * Decodes a page.
 * @returns a sentence if it is not a control page
 */
export function readControl(words: Uint32Array): ControlPage | string {
  const view = new DataView(words.buffer, words.byteOffset, 4096);
  const u32 = (at: number) => view.getUint32(at, true);
  /** A run of minutes does not bring any counter near 2^53. */
  const u64 = (at: number) => Number(view.getBigUint64(at, true));
  const pair = (at: number): Pair => [u32(at), u32(at + 4)];
  const magic = Buffer.from(words.buffer, words.byteOffset, 8).toString('latin1');
  if (magic !== MAGIC) return 'page 0 is not its control page';
  if (u32(8) !== LAYOUT) return `its layout is version ${u32(8)}, expected ${LAYOUT}`;
  const vcpus = u32(0x0c);
  if (vcpus < 1 || vcpus > MAX_VCPUS) return `its control page names ${vcpus} vCPUs`;
  const devices = u32(0x38);
  if (devices > MAX_DEVICES) return `its control page names ${devices} devices`;
  return {
    devices: Array.from({ length: devices }, (_, d): DeviceControl => {
      const at = 0x900 + d * 0x100;
      return { transfer: u64(at + 0x10), phase: PHASES[u64(at + 0x18)] ?? 'idle', landed: u64(at + 0x68) };
    }),
    seed: u32(0x10),
    first: u32(0x20),
    pages: u32(0x24),
    tscKhz: u64(0x28),
    constants: pair(0x30),
    vcpus: Array.from({ length: vcpus }, (_, v): VcpuControl => {
      const at = 0x100 + v * 0x100;
      return {
        ticks: u64(at + 0x08),
        links: u64(at + 0x10),
        head: pair(at + 0x18),
        working: u64(at + 0x20),
        next: pair(at + 0x28),
        oldHead: pair(at + 0x30),
        oldPrevious: pair(at + 0x38),
        chainBad: u64(at + 0x40),
        firstBad: u64(at + 0x48),
        fpuBad: u64(at + 0x50),
        msrBad: u64(at + 0x58),
        debugBad: u64(at + 0x60),
        tscBack: u64(at + 0x68),
        tscStep: u64(at + 0x78),
        constantBad: u64(at + 0x88),
        exception: u64(at + 0x90) === 0 ? null : u64(at + 0x90) - 1,
      };
    }),
  };
}
