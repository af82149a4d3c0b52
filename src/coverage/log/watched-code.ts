// SPDX-License-Identifier: Apache-2.0
// Finds the code of live update in a kernel, from its symbols alone: no debug information, and so no build, is needed.
import { readFileSync } from 'node:fs';
import { FormatError, type FunctionSymbol, functionsOf } from '../../compat/index.js';
import { withFile } from '../../images/binary/section.js';
import type { KernelImage } from '../../model/kernel/image.js';
import type { AddressRange, CodeAddress } from '../../model/result/coverage.js';
import type { WatchedCode, WatchedKernel } from './coverage-log.js';

/** kernel/liveupdate/*.c, mm/memfd_luo.c, drivers/pci/liveupdate.c, lib/test_kho.c, and the lab's own object.c. */
const FILES = /^(?:(?:kexec_handover|kho|luo|liveupdate|memfd_luo|test_kho)(?:_\w+)?|object)\.c$/;
/** Functions elsewhere that serve live update, such as reserve_mem_kho_revive() of mm/memblock.c. */
const NAMES = /(?:^|_)(?:kho|luo|liveupdate)(?:_|\.|$)/;
/** Functions that run once a boot, and once a jump. */
const BOOT = 'x86_64_start_kernel';
const JUMP = 'machine_kexec';
const KERNEL = 0xffffffffn;
/** Of a function that a System.map alone names: it ends at the next one, or here. */
const MAX_FUNCTION = 1 << 16;

const known = new WeakMap<KernelImage, WatchedKernel>();

/** A kernel for a CoverageLog. One whose symbols do not show the code is blind, and says why. */
export function watchedKernel(image: KernelImage): WatchedKernel {
  let kernel = known.get(image);
  if (kernel === undefined) known.set(image, (kernel = { name: image.name, sha256: image.sha256, ...found(image) }));
  return kernel;
}

function found(image: KernelImage): Pick<WatchedKernel, 'code' | 'why'> {
  const functions = symbolsOfImage(image);
  if (functions === null)
    return {
      code: null,
      why: `${image.name} has neither a vmlinux nor a System.map, so where its code lies is unknown`,
    };
  const code = watchedCode(functions);
  return code === null
    ? { code: null, why: `${image.name} has no code for live update, or does not name its functions` }
    : { code, why: null };
}

/** All functions of a kernel; null if nothing names them. */
export function symbolsOfImage({ vmlinux, systemMap }: KernelImage): FunctionSymbol[] | null {
  try {
    const functions = vmlinux === null ? [] : withFile(vmlinux, functionsOf);
    if (functions.length > 0) return functions;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
  return systemMap === null ? null : functionsOfMap(readFileSync(systemMap, 'latin1'));
}

/** Functions of a System.map, which names no files and no sizes. */
export function functionsOfMap(text: string): FunctionSymbol[] {
  const symbols = [...text.matchAll(/^([0-9a-f]{16}) ([A-Za-z]) (\S+)$/gm)]
    .map(([, address = '', kind = '', name = '']) => ({ address: BigInt(`0x${address}`), kind, name }))
    .sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  return symbols.flatMap(({ address, kind, name }, i) => {
    if (!'tTwW'.includes(kind) || name.startsWith('__pfx_')) return [];
    const next = symbols.slice(i + 1, i + 64).find((symbol) => symbol.address > address)?.address ?? address;
    return [{ name, address, size: Math.min(Number(next - address), MAX_FUNCTION), file: null }];
  });
}

/**
 * The code of live update among a kernel's functions; null if there is none. A function whose file is not named counts
 * by its name, or if it lies between two that count: a file's functions lie side by side.
 */
export function watchedCode(functions: readonly FunctionSymbol[]): WatchedCode | null {
  const sorted = [...functions]
    .filter(({ address, name }) => address >> 32n === KERNEL && !name.startsWith('__pfx_'))
    .sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  const boot = addressOf(sorted, BOOT);
  const jump = addressOf(sorted, JUMP);
  if (boot === null || jump === null) return null;
  const counts = sorted.map(({ name, file }) => (file !== null && FILES.test(file)) || NAMES.test(name));
  const watched = sorted.filter(
    ({ file }, i) => counts[i] === true || (file === null && counts[i - 1] === true && counts[i + 1] === true),
  );
  if (watched.length === 0) return null;
  return { ranges: rangesOf(watched), boot, jump };
}

function addressOf(functions: readonly FunctionSymbol[], wanted: string): CodeAddress | null {
  const symbol = functions.find(({ name }) => name === wanted);
  return symbol === undefined ? null : low(symbol.address);
}

export const low = (address: bigint): CodeAddress => Number(address & 0xffffffffn);

function rangesOf(functions: readonly FunctionSymbol[]): AddressRange[] {
  const ranges: AddressRange[] = [];
  for (const { address, size } of functions) {
    const [start, end] = [low(address), low(address) + size];
    const last = ranges.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else if (size > 0) ranges.push({ start, end });
  }
  return ranges;
}
