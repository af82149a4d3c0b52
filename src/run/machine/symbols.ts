// SPDX-License-Identifier: Apache-2.0
// Finds the addresses of a kernel's variables in its System.map.
import { readFileSync } from 'node:fs';
import type { KernelImage } from '../../model/kernel/image.js';

const known = new WeakMap<KernelImage, Map<string, bigint | null>>();

/**
 * Linear address of a variable in a kernel without address randomisation; null if the kernel's System.map does not name
 * it, or there is no System.map.
 */
export function addressOf(kernel: KernelImage, symbol: string): bigint | null {
  const symbols = known.get(kernel) ?? new Map<string, bigint | null>();
  known.set(kernel, symbols);
  let address = symbols.get(symbol);
  if (address === undefined) symbols.set(symbol, (address = readAddress(kernel.systemMap, symbol)));
  return address;
}

function readAddress(path: string | null, symbol: string): bigint | null {
  if (path === null) return null;
  const line = new RegExp(`^([0-9a-f]{16}) [A-Za-z] ${symbol}$`, 'm').exec(readFileSync(path, 'latin1'));
  return line === null ? null : BigInt(`0x${line[1]}`);
}
