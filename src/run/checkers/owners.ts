// SPDX-License-Identifier: Apache-2.0
// Names who has allocated leaked pages, where a kernel has PAGE_OWNER. It is evidence for people: no verdict needs it.
import { textOf, textsOf } from '../../guest/agent.js';
import { HandoverError, preservedAreas, Walk } from '../../handover/index.js';
import {
  grownStacks,
  groupOwners,
  type OwnedPages,
  type Owner,
  type PageStacks,
  readOwner,
  readStacks,
} from '../../oracles/checkers/page-owner.js';
import type { BaselinePage } from '../../oracles/pages/baseline.js';
import { PageRanges } from '../../oracles/pages/page-ranges.js';
import type { Needs } from '../engine/parts.js';
import type { MarkedPages } from '../machine/marked-pages.js';
import { outgoing } from '../update/handover.js';
import { hasChecker } from './has.js';

/** Pages that the agent looks up in one request (lab/agent/checkers/page-owner.c). */
const PAGES_AT_ONCE = 256;
/** Pages of one kernel whose owners are looked up: 4 MiB. */
const MAX_PAGES = 1024;
/** Stacks with fewer pages are not told: each CPU's lists, caches. */
const LEAST_PAGES = 16;
/** Owners in one piece of evidence; frames of each. */
const MAX_TOLD = 8;
const MAX_FRAMES_TOLD = 16;

/**
 * Right before the kexec: who has allocated the pages that are handed over. Of each file of the lab one page is enough.
 */
export async function noteOwners(parts: Needs<'plan' | 'recorder' | 'state' | 'agents' | 'view'>): Promise<void> {
  const { state } = parts;
  state.owners.clear();
  if (hasChecker(parts, 'pageOwner') !== true) return;
  const files = [...state.preservedFiles(), ...state.reserved];
  const own = new PageRanges(files.flatMap(({ runs }) => runs));
  const pfns = files.flatMap(({ runs: [first] }) => first?.pfn ?? []).slice(0, MAX_PAGES / 2);
  try {
    for (const { pfn, order } of preservedAreas(new Walk(await outgoing(parts)))) {
      for (let at = pfn; at < pfn + 2 ** order && pfns.length < MAX_PAGES; at++) if (!own.has(at)) pfns.push(at);
    }
  } catch (error) {
    // The witnesses of the handover say so; without the map only names are missing.
    if (!(error instanceof HandoverError)) throw error;
  }
  for (const [pfn, owner] of await askOwners(parts, pfns)) state.owners.set(pfn, owner);
}

/** Lines about who, in the old kernel, allocated the pages that are still marked. */
export function ownersOfMarked(
  { state }: Needs<'state'>,
  marked: MarkedPages | null,
  baseline: readonly BaselinePage[],
): string[] {
  if (marked === null) return [];
  const own = new PageRanges(baseline);
  const owners = [...state.owners].filter(([pfn]) => marked.index.has(pfn) && !own.has(pfn)).map(([, owner]) => owner);
  return tell(groupOwners(owners), 'in the old kernel');
}

/** Lines about who has allocated these pages; none where nobody knows. */
export async function ownersOf(
  parts: Needs<'plan' | 'recorder' | 'state' | 'agents'>,
  pfns: readonly number[],
): Promise<string[]> {
  const { owners } = parts.state;
  const unknown = pfns.filter((pfn) => !owners.has(pfn)).slice(0, MAX_PAGES);
  const asked = hasChecker(parts, 'pageOwner') === true ? await askOwners(parts, unknown) : new Map<number, Owner>();
  return [
    ...tell(groupOwners(pfns.flatMap((pfn) => owners.get(pfn) ?? [])), 'in the old kernel'),
    ...tell(groupOwners([...asked.values()]), 'in the running kernel'),
  ];
}

/** How many pages each stack has now; null where the kernel does not say. */
export async function stacksNow(parts: Needs<'plan' | 'recorder' | 'agents'>): Promise<PageStacks | null> {
  if (hasChecker(parts, 'pageOwner') !== true) return null;
  const reply = await parts.agents.call('page-stacks', { least: LEAST_PAGES });
  return reply.ok ? readStacks(textOf(reply, 'stacks')) : null;
}

/** Lines about who has more pages than on arrival. */
export async function growthByOwner(
  parts: Needs<'plan' | 'recorder' | 'agents'>,
  before: PageStacks | null,
): Promise<string[]> {
  const after = before === null ? null : await stacksNow(parts);
  if (before === null || after === null) return [];
  return tell(grownStacks(before, after, LEAST_PAGES), 'since arrival');
}

async function askOwners({ agents }: Needs<'agents'>, pfns: readonly number[]): Promise<Map<number, Owner>> {
  const owners = new Map<number, Owner>();
  for (let at = 0; at < pfns.length; at += PAGES_AT_ONCE) {
    const some = pfns.slice(at, at + PAGES_AT_ONCE);
    const reply = await agents.call('page-owners', { pfns: some.join(',') });
    if (!reply.ok) break;
    for (const [i, record] of textsOf(reply, 'owners', some.length).entries()) {
      const owner = readOwner(record);
      if (owner !== null) owners.set(some[i] as number, owner);
    }
  }
  return owners;
}

function tell(owned: readonly OwnedPages[], when: string): string[] {
  return owned
    .filter(({ frames }) => frames.length > 0)
    .slice(0, MAX_TOLD)
    .flatMap(({ pages, where, frames }) => [
      `${pages} pages allocated ${when} by ${where ?? 'an unknown function'}:`,
      ...frames.slice(0, MAX_FRAMES_TOLD).map((name) => `  ${name}`),
    ]);
}
