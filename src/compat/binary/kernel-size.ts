// SPDX-License-Identifier: Apache-2.0
// Reads sizes and releases like the kernel.
import { valuesOf } from './cmdline.js';

export const MIB = 2 ** 20;

const SUFFIXES = 'KMGTPE';

/** A size in the format of memparse(): a number in C syntax and a suffix. Null for anything else. */
export function memparse(text: string): { bytes: number; rest: string } | null {
  const match = /^(0x[0-9a-f]+|\d+)([KMGTPE])?/i.exec(text);
  if (match === null) return null;
  const digits = match[1] ?? '';
  // For the kernel, a leading zero means octal.
  const value = /^0\d/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  const power = match[2] === undefined ? 0 : SUFFIXES.indexOf(match[2].toUpperCase()) + 1;
  const bytes = value * 1024 ** power;
  return Number.isFinite(bytes) ? { bytes, rest: text.slice(match[0].length) } : null;
}

/** The lowest limit that `mem=` sets; null if there is none. */
export function memoryLimit(cmdline: string): number | null {
  const sizes = valuesOf(cmdline, 'mem').map((value) => memparse(value)?.bytes ?? 0);
  const limits = sizes.filter((bytes) => bytes > 0);
  return limits.length === 0 ? null : Math.min(...limits);
}

/** Whether a release is in this series or a later one; null if the release is unknown. */
export function isSince(release: string | null, [major, minor]: readonly [number, number]): boolean | null {
  const match = /^(\d+)\.(\d+)/.exec(release ?? '');
  if (match === null) return null;
  const [first, second] = [Number(match[1]), Number(match[2])];
  return first > major || (first === major && second >= minor);
}
