// SPDX-License-Identifier: Apache-2.0
// Finds the page in which LUO lists what it hands over besides files (FLBs); the next kernel keeps that page for ever.
// The search follows the old kernel's own structures from its variable `kho_out`, so that the page is known by its
// address and not by its content (docs/architecture.md, "Leaked pages").
import { readFdt, textOf } from '../../handover/index.js';
import { u64Property } from '../../handover/memory/fdt.js';
import { PAGE } from '../../oracles/files/pattern.js';
import { kernelRoots, mappings, type PageRoot, readLinear } from '../../qemu/pagetable.js';
import type { Needs } from '../engine/parts.js';
import { shiftOf } from '../kernel/shift.js';
import { reader } from '../machine/view.js';
import { addressOf } from '../machine/symbols.js';

/** Bytes of `kho_out` to search: in every version the pointer to the root tree is near its beginning. */
const LOOKED_AT = 256;
/** struct luo_ser {compatible[8], num, sessions_pa, flbs_pa} (include/linux/kho/abi/luo.h, 7.2 and later). */
const PACKED = { name: 'luo-v', flbs: 24, length: 32 };

/**
 * Page frame of the FLB header that the running kernel will hand over; null if the lab does not know the kernel's
 * structures.
 */
export async function flbHeader(parts: Needs<'plan' | 'recorder' | 'view'>): Promise<number | null> {
  const { view, plan, recorder } = parts;
  const kernel = plan.kernels[recorder.epoch];
  const variable = kernel === undefined ? null : addressOf(kernel, 'kho_out');
  const registers = variable === null ? null : await view.registers();
  if (variable === null || registers === null) return null;
  const start = variable + shiftOf(kernel, view.memory, registers);
  const words = Buffer.alloc(LOOKED_AT);
  for (const tables of kernelRoots(registers)) {
    if (!readLinear(view.memory, tables, start, words)) continue;
    for (let at = 0; at < LOOKED_AT; at += 8) {
      const found = inRoot(parts, tables, words.readBigUInt64LE(at));
      if (found !== null) return found;
    }
  }
  return null;
}

function inRoot(parts: Needs<'view'>, tables: PageRoot, linear: bigint): number | null {
  if (linear % BigInt(PAGE) !== 0n || linear < 1n << 63n) return null;
  const [at] = mappings(parts.view.memory, tables, linear, PAGE);
  const root = at === undefined ? null : treeAt(parts, at.phys);
  const compatible = root?.properties.get('compatible');
  if (!root || compatible === undefined || !textOf(compatible).startsWith('kho-v')) return null;
  const luo = root.children.find(({ name }) => name === 'LUO');
  const where = luo === undefined ? null : (u64Property(luo, 'preserved-data') ?? u64Property(luo, 'fdt'));
  return where === null ? null : inLuo(parts, where);
}

function inLuo(parts: Needs<'view'>, where: number): number | null {
  const packed = Buffer.alloc(PACKED.length);
  if (!reader(parts.view)(where, packed)) return null;
  if (packed.toString('latin1', 0, PACKED.name.length) === PACKED.name)
    return frameOf(Number(packed.readBigUInt64LE(PACKED.flbs)));
  const node = treeAt(parts, where)?.children.find(({ name }) => name === 'luo-flb');
  return node === undefined ? null : frameOf(u64Property(node, 'luo-flb-header'));
}

function frameOf(phys: number | null): number | null {
  return phys === null || phys === 0 || !Number.isSafeInteger(phys) || phys % PAGE !== 0 ? null : phys / PAGE;
}

function treeAt(parts: Needs<'view'>, phys: number): ReturnType<typeof readFdt> {
  const bytes = new Uint8Array(PAGE);
  return reader(parts.view)(phys, bytes) ? readFdt(bytes) : null;
}
