// SPDX-License-Identifier: Apache-2.0
// Compares the kernel's own account of its memory on arrival and after everything is closed. This finds leaks that a
// look at single pages cannot: objects smaller than a page, and pages whose content has changed.
import { type AgentReply, numberOf } from '../../../guest/agent.js';
import type { Needs } from '../../engine/parts.js';
import type { PageStacks } from '../../../oracles/checkers/page-owner.js';
import { growthByOwner } from '../../checkers/owners.js';
import { settlePages } from '../pages.js';

/** Counters by the agent's names (docs/agent-protocol.md): the first three in pages, the others in KiB. */
const COUNTERS = [
  'managed',
  'free',
  'freeOnCpus',
  'anonKb',
  'slabKb',
  'slabUnreclaimableKb',
  'kernelStackKb',
  'pageTablesKb',
  'vmallocKb',
] as const;
export type Memory = Readonly<Record<(typeof COUNTERS)[number], number>>;

const KIB_PER_PAGE = 4;

/** Null where the kernel does not report one of them. A client that reports nonsense counts as gone. */
export function memoryOf(reply: AgentReply): Memory | null {
  if (!reply.ok) return null;
  numberOf(reply, 'managed');
  if (COUNTERS.some((name) => reply.data[name] === undefined)) return null;
  return Object.fromEntries(COUNTERS.map((name) => [name, numberOf(reply, name)])) as Memory;
}

export async function memoryNow({ agents }: Needs<'agents'>): Promise<Memory | null> {
  return memoryOf(await agents.call('zones', {}));
}

/** Growth in KiB. */
export interface Growth {
  /** Pages that were free or came back with the update, and that are now neither free nor in one of the counters. */
  pages: number;
  /** Unreclaimable slab: memory from kmalloc(). */
  slab: number;
  vmalloc: number;
}

/** Growth up to this is noise: at least four times what sound kernels show (docs/outcomes.md). */
const MAX_GROWTH: Readonly<Record<keyof Growth, { kib: number; perFile: number; what: string }>> = {
  pages: { kib: 1280, perFile: 0, what: 'of pages' },
  slab: { kib: 1024, perFile: 2.5, what: 'of slab (kmalloc)' },
  vmalloc: { kib: 512, perFile: 0, what: 'of vmalloc' },
};

const HOLDERS = ['anonKb', 'slabKb', 'kernelStackKb', 'pageTablesKb'] as const;

export function growthOf(before: Memory, after: Memory): Growth {
  const risen = (name: keyof Memory) => after[name] - before[name];
  return {
    pages:
      (risen('managed') - risen('free') - risen('freeOnCpus')) * KIB_PER_PAGE -
      HOLDERS.reduce((sum, name) => sum + risen(name), 0),
    slab: risen('slabUnreclaimableKb'),
    vmalloc: risen('vmallocKb'),
  };
}

/** Texts about all growth that is more than noise. */
export function excessOf(growth: Growth, files: number): string[] {
  const kinds = Object.keys(MAX_GROWTH) as (keyof Growth)[];
  return kinds
    .filter((kind) => growth[kind] > MAX_GROWTH[kind].kib + MAX_GROWTH[kind].perFile * files)
    .map((kind) => `${growth[kind]} KiB ${MAX_GROWTH[kind].what}`);
}

/** It may take a moment until freed memory counts as free. */
const LOOKS = 4;
/** Steps that may use memory for other things: for a command, for a file in memory, for a kernel that stays loaded. */
const OTHER_USES: ReadonlySet<string> = new Set([
  'exec',
  'kselftest',
  'upload',
  'fault',
  'load',
  'kexec',
  'hotplug-memory',
]);

/** Compares the kernel's memory with its state before /dev/liveupdate was opened. */
export async function compareMemory(
  parts: Needs<'plan' | 'recorder' | 'state' | 'agents'>,
  arrival: { memory: Memory | null; stacks: PageStacks | null } | null,
): Promise<void> {
  const { plan, recorder, state } = parts;
  const before = arrival?.memory ?? null;
  const files = state.expected.size;
  let growth: Growth | null = null;
  for (let look = 0; look < LOOKS; look++) {
    if (look > 0) await settlePages(parts);
    const after = await memoryNow(parts);
    if (before === null || after === null) {
      const when = before === null ? 'on arrival' : 'after everything is closed';
      recorder.witnesses.blind(
        'page-state',
        recorder.epoch,
        `the kernel does not report what uses its memory ${when}`,
        'it needs /proc/zoneinfo and /proc/meminfo',
      );
      return;
    }
    growth = growthOf(before, after);
    if (excessOf(growth, files).length === 0) break;
  }
  if (growth === null) return;
  const judged = !plan.scenario.steps.some(({ epoch, op }) => epoch === recorder.epoch && OTHER_USES.has(op));
  const excess = judged ? excessOf(growth, files) : [];
  const { pages, slab, vmalloc } = growth;
  const detail =
    `since arrival: pages ${pages} KiB, slab ${slab} KiB, vmalloc ${vmalloc} KiB` +
    (judged ? '' : '; not judged, as steps in this kernel may use memory');
  recorder.event({
    kind: 'oracle',
    oracle: 'free memory once everything is closed',
    side: 'inside',
    ok: excess.length === 0,
    detail,
  });
  if (excess.length === 0) return;
  recorder.incident({
    source: 'agent',
    side: 'inside',
    implies: 'leak',
    title: 'memory is missing after all was closed',
    detail: [
      `more than on arrival: ${excess.join('; ')}`,
      ...(await growthByOwner(parts, arrival?.stacks ?? null)),
    ].join('\n'),
  });
}
