// SPDX-License-Identifier: Apache-2.0
// The page in which LUO lists what it hands over besides files (FLBs): the next kernel keeps it for ever. The old
// kernel's own structures lead to it, from its variable `kho_out` on, so that it is known by its address and not by
// what it holds: docs/architecture.md, "Leaked pages".
import { readFdt, textOf } from '../../handover/index.js';
import { u64Property } from '../../handover/memory/fdt.js';
import { PAGE } from '../../oracles/files/pattern.js';
import { kernelRoots, mappings, type PageRoot, readLinear } from '../../qemu/pagetable.js';
import type { RunContext } from '../engine/context.js';
import { reader } from '../judge/outside.js';
import { addressOf } from '../machine/page-array.js';

/** The pointer to the root tree stands near the beginning of `kho_out` in every version. */
const LOOKED_AT = 256;
/** struct luo_ser {compatible[8], num, sessions_pa, flbs_pa} (include/linux/kho/abi/luo.h, 7.2 and later). */
const PACKED = { name: 'luo-v', flbs: 24, length: 32 };

/**
 * Page frame of the FLB header that the running kernel will hand over; null where its structures are not as the lab
 * knows them.
 */
export async function flbHeader(context: RunContext): Promise<number | null> {
  const { machine, plan, recorder } = context;
  const kernel = plan.kernels[recorder.epoch];
  const variable = kernel === undefined ? null : addressOf(kernel, 'kho_out');
  const registers = variable === null ? null : await machine.registers();
  if (variable === null || registers === null) return null;
  const words = Buffer.alloc(LOOKED_AT);
  for (const tables of kernelRoots(registers)) {
    if (!readLinear(machine.memory, tables, variable, words)) continue;
    for (let at = 0; at < LOOKED_AT; at += 8) {
      const found = inRoot(context, tables, words.readBigUInt64LE(at));
      if (found !== null) return found;
    }
  }
  return null;
}

function inRoot(context: RunContext, tables: PageRoot, linear: bigint): number | null {
  if (linear % BigInt(PAGE) !== 0n || linear < 1n << 63n) return null;
  const [at] = mappings(context.machine.memory, tables, linear, PAGE);
  const root = at === undefined ? null : treeAt(context, at.phys);
  const compatible = root?.properties.get('compatible');
  if (!root || compatible === undefined || !textOf(compatible).startsWith('kho-v')) return null;
  const luo = root.children.find(({ name }) => name === 'LUO');
  const where = luo === undefined ? null : (u64Property(luo, 'preserved-data') ?? u64Property(luo, 'fdt'));
  return where === null ? null : inLuo(context, where);
}

function inLuo(context: RunContext, where: number): number | null {
  const packed = Buffer.alloc(PACKED.length);
  if (!reader(context.machine)(where, packed)) return null;
  if (packed.toString('latin1', 0, PACKED.name.length) === PACKED.name)
    return frameOf(Number(packed.readBigUInt64LE(PACKED.flbs)));
  const node = treeAt(context, where)?.children.find(({ name }) => name === 'luo-flb');
  return node === undefined ? null : frameOf(u64Property(node, 'luo-flb-header'));
}

function frameOf(phys: number | null): number | null {
  return phys === null || phys === 0 || !Number.isSafeInteger(phys) || phys % PAGE !== 0 ? null : phys / PAGE;
}

function treeAt(context: RunContext, phys: number): ReturnType<typeof readFdt> {
  const bytes = new Uint8Array(PAGE);
  return reader(context.machine)(phys, bytes) ? readFdt(bytes) : null;
}
