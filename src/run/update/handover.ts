// SPDX-License-Identifier: Apache-2.0
// Where the walk through a handover starts, at each moment of an update:
// - in the old kernel: at the tree that its variable `kho_out` points to; kexec_file_load hands this tree to the next
//   kernel;
// - in the next kernel: at the same tree, remembered from the jump. The walk reads only pages that are still marked as
//   handed over: the kernel has freed the others.
import {
  changeAt,
  plainChange,
  findPlace,
  HandoverError,
  type HandoverSource,
  luoPointersToKeep,
  PAGE,
  readFdt,
  textOf,
  trackedInXarray,
  trackedPages,
  Walk,
} from '../../handover/index.js';
import type { Fault } from '../../model/scenario/scenario.js';
import { ordersOf } from '../../oracles/pages/khop.js';
import { kernelRoots, mappings, type PageRoot, readLinear } from '../../qemu/pagetable.js';
import type { MemoryView } from '../../qemu/memory.js';
import type { SystemRegisters } from '../../qemu/registers.js';
import { LabError } from '../../util/errors.js';
import type { Needs } from '../engine/parts.js';
import type { HandoverFormat } from '../../images/abi/handover-format.js';
import { runningFormat } from '../kernel/format.js';
import { reader } from '../machine/view.js';
import type { PreservedPages } from '../state/run-state.js';

function neededFormat(format: HandoverFormat | null | undefined, epoch: number): HandoverFormat {
  if (!format) throw new LabError(`the handover format of the kernel of epoch ${epoch} was not read`);
  return format;
}

/** What the running kernel will hand over. Throws HandoverError if its root is not found. */
export async function outgoing(parts: Needs<'plan' | 'recorder' | 'state' | 'view'>): Promise<HandoverSource> {
  const { view, recorder, state } = parts;
  const { structures, khoOut } = neededFormat(await runningFormat(parts), recorder.epoch);
  const registers = await view.registers();
  const pages = registers === null ? [] : kernelRoots(registers);
  const words = Buffer.alloc(Number(khoOut.end - khoOut.start) & ~7);
  const tables = pages.find((root) => readLinear(view.memory, root, khoOut.start, words));
  if (tables === undefined) throw new HandoverError("the kernel's variable kho_out is not mapped");
  // The offset of the pointer differs between versions, but only one tree can be its target.
  const roots = new Set<number>();
  for (let at = 0; at < words.length; at += 8) {
    const root = rootAt(parts, tables, words.readBigUInt64LE(at));
    if (root !== null) roots.add(root);
  }
  const [root] = roots;
  if (root === undefined || roots.size > 1)
    throw new HandoverError(`the kernel's variable kho_out points to ${roots.size} root trees`);
  state.outgoingRoot = root;
  return { read: reader(view), structures, root };
}

/** Counts the pages that the running kernel has preserved for the next one. */
export async function preservedPages(parts: Needs<'plan' | 'recorder' | 'state' | 'view'>): Promise<PreservedPages> {
  const { view, plan, recorder } = parts;
  const { epoch } = recorder;
  const format = await runningFormat(parts);
  if (!format)
    return {
      hidden:
        plan.unread?.[epoch] ?? `the handover format of ${plan.kernels[epoch]?.name ?? 'this kernel'} was not read`,
    };
  try {
    return { pages: trackedPages(new Walk(await outgoing(parts))) };
  } catch (error) {
    if (!(error instanceof HandoverError)) throw error;
    const older = preservedBefore71(await view.registers(), view.memory, format);
    return older ?? { hidden: `${plan.kernels[epoch]?.name ?? 'this kernel'}: ${error.message}` };
  }
}

/** Before 7.1 the kernel builds the tree for the next kernel only during the kexec: counts its own list instead. */
function preservedBefore71(
  registers: SystemRegisters | null,
  memory: MemoryView,
  { khoOut }: HandoverFormat,
): PreservedPages | null {
  for (const root of registers === null ? [] : kernelRoots(registers)) {
    try {
      return { pages: trackedInXarray((linear, into) => readLinear(memory, root, linear, into), khoOut) };
    } catch (error) {
      if (!(error instanceof HandoverError)) throw error;
    }
  }
  return null;
}

/** Physical address of the root tree at a linear address; null if there is none. */
function rootAt({ view, state }: Needs<'state' | 'view'>, tables: PageRoot, linear: bigint): number | null {
  if (linear % BigInt(PAGE) !== 0n || linear < 1n << 63n) return null;
  const [page] = mappings(view.memory, tables, linear, PAGE);
  const bytes = new Uint8Array(PAGE);
  if (page === undefined || page.length !== PAGE || !view.memory.read(page.phys, bytes)) return null;
  // The tree that was found before counts, even if a fault has damaged it since.
  if (page.phys === state.outgoingRoot) return page.phys;
  const compatible = readFdt(bytes)?.properties.get('compatible');
  return compatible !== undefined && textOf(compatible).startsWith('kho-v') ? page.phys : null;
}

/** What the previous kernel has handed over. */
async function incoming(parts: Needs<'plan' | 'recorder' | 'state' | 'view'>): Promise<HandoverSource> {
  const { view, recorder, state } = parts;
  const { structures } = neededFormat(parts.plan.formats[recorder.epoch - 1], recorder.epoch - 1);
  if (state.handover === null) throw new LabError('where the handover began was not remembered');
  const marked = await parts.view.markedPages();
  if (marked === null) throw new HandoverError("the kernel's page array was not found from outside");
  const orders = ordersOf(marked.found);
  const read = reader(view);
  return {
    structures,
    ...state.handover,
    orderOf: (pfn) => orders.get(pfn) ?? null,
    read: (phys, into) => {
      for (let page = Math.floor(phys / PAGE); page * PAGE < phys + into.length; page++) {
        if (!marked.index.has(page))
          throw new HandoverError(
            `the page at 0x${(page * PAGE).toString(16)} is no longer handed over: this kernel has taken it, ` +
              'or given it back',
          );
      }
      return read(phys, into);
    },
  };
}

/** Called at the jump: remembers what the next kernel will no longer show. */
export async function rememberHandover(parts: Needs<'plan' | 'recorder' | 'state' | 'view'>): Promise<void> {
  const source = await outgoing(parts);
  parts.state.handover = { root: source.root, luo: luoPointersToKeep(new Walk(source)) };
}

/** A change whose place was found. */
export interface FoundChange {
  /** Writes the new value. Returns a text on what was there and what is there now. */
  apply: () => string;
}

/** Throws HandoverError if a place of the change does not exist. */
export async function findChange(
  parts: Needs<'plan' | 'recorder' | 'state' | 'view' | 'machine'>,
  fault: Extract<Fault, { kind: 'change' }>,
): Promise<FoundChange> {
  const { memory } = parts.machine;
  const source = fault.side === 'outgoing' ? await outgoing(parts) : await incoming(parts);
  const read = (at: number, length: number) => {
    const found = new Uint8Array(length);
    if (!memory.read(at, found)) throw new HandoverError(`no memory at 0x${at.toString(16)}`);
    return found;
  };
  const location = findPlace(source, fault.place);
  const change = plainChange(fault.change, { find: (place) => findPlace(source, place), read });
  return {
    apply: () => {
      const { phys, bytes, from, to } = changeAt(location, change, read);
      if (!memory.write(phys, bytes)) throw new HandoverError(`nothing can be written at 0x${phys.toString(16)}`);
      return `${fault.text} at 0x${phys.toString(16)}: ${from} to ${to}`;
    },
  };
}
