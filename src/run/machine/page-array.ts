// SPDX-License-Identifier: Apache-2.0
// The array of all `struct page` of the kernel that runs now. Where it begins, the kernel's own variable says, and its
// System.map where that lies.
import { readFileSync } from 'node:fs';
import type { KernelImage } from '../../model/kernel/image.js';
import { STRUCT_PAGE } from '../../oracles/pages/khop.js';
import { findPageArray, type PageArray } from '../../qemu/vmemmap.js';
import type { RunContext } from '../engine/context.js';

export type Kernels = Pick<RunContext, 'machine' | 'plan' | 'recorder'>;

/** Null where it was not found. */
export async function pageArray({ machine, plan, recorder }: Kernels): Promise<PageArray | null> {
  const registers = await machine.registers();
  const kernel = plan.kernels[recorder.epoch];
  const variable = kernel === undefined ? null : addressOf(kernel, 'vmemmap_base');
  return registers === null ? null : findPageArray(machine.memory, { registers, variable, entry: STRUCT_PAGE });
}

const known = new WeakMap<KernelImage, Map<string, bigint | null>>();

/**
 * Linear address of a variable of a kernel without address randomisation; null where its System.map does not name it,
 * or there is none.
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
