// SPDX-License-Identifier: Apache-2.0

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** Formats a number of bytes in binary units. */
export function bytesText(n: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let at = 0;
  while (n >= 1024 && at < units.length - 1) {
    n /= 1024;
    at++;
  }
  return `${Number.isInteger(n) ? n : n.toFixed(1)} ${units[at]}`;
}
