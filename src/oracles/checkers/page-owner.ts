// SPDX-License-Identifier: Apache-2.0
// Reads what PAGE_OWNER says in debugfs (mm/page_owner.c, 6.16 to 7.3): who has allocated a page, and how many pages
// each stack has. The text comes from the machine: it may hold anything.
import { allocatorOf, functionIn, MAX_FRAMES } from './stack.js';

/** Who has allocated some pages. */
export interface Owner {
  /** The function that wanted the pages; null if the kernel does not say. */
  where: string | null;
  /** The stack, innermost first; empty for pages that were taken before PAGE_OWNER began. */
  frames: string[];
}

export interface OwnedPages extends Owner {
  pages: number;
}

/** Pages by the stack of their allocation; the stack is the key. */
export type PageStacks = ReadonlyMap<string, number>;

const MAX_STACKS = 8192;
const MAX_LINE = 200;
const HEAD = /^Page allocated via order \d{1,2}, mask /;
const COUNT = /^(?:nr_base_pages|stack_count): (\d{1,12})$/;

function framesIn(lines: readonly string[]): string[] {
  return lines
    .map((line) => functionIn(line.slice(0, MAX_LINE)))
    .filter((name) => name !== null)
    .slice(0, MAX_FRAMES);
}

/** A stack that stands for all pages which were taken before PAGE_OWNER began. */
const EARLY = 'init_page_owner';

function ownerOf(frames: string[]): Owner {
  return frames.includes(EARLY) ? { where: null, frames: [] } : { where: allocatorOf(frames), frames };
}

/** Reads the record of one page; null if it is none. */
export function readOwner(record: string): Owner | null {
  const lines = record.split('\n', 2 * MAX_FRAMES);
  return HEAD.test(lines[0] ?? '') ? ownerOf(framesIn(lines)) : null;
}

/** Reads how many pages each stack has. What is no stack with a number is left out. */
export function readStacks(text: string): PageStacks {
  const stacks = new Map<string, number>();
  let lines: string[] = [];
  for (const line of text.split('\n')) {
    const count = COUNT.exec(line)?.[1];
    if (count === undefined) {
      if (line === '') lines = [];
      else if (lines.length < MAX_FRAMES) lines.push(line);
      continue;
    }
    const key = framesIn(lines).join('\n');
    if (key !== '' && (stacks.has(key) || stacks.size < MAX_STACKS))
      stacks.set(key, (stacks.get(key) ?? 0) + Number(count));
    lines = [];
  }
  return stacks;
}

/**
 * The stacks that have more pages than before, the largest growth first.
 * @param least growth below this is left out; it must be what the kernel was told to leave out, or more
 */
export function grownStacks(before: PageStacks, after: PageStacks, least: number): OwnedPages[] {
  return [...after]
    .map(([key, pages]) => ({ ...ownerOf(key.split('\n')), pages: pages - (before.get(key) ?? 0) }))
    .filter(({ pages }) => pages >= least)
    .sort((a, b) => b.pages - a.pages);
}

/** Pages with the same stack are one entry; the largest first. */
export function groupOwners(owners: readonly Owner[]): OwnedPages[] {
  const groups = new Map<string, OwnedPages>();
  for (const owner of owners) {
    const key = owner.frames.join('\n');
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { ...owner, pages: 1 });
    else known.pages++;
  }
  return [...groups.values()].sort((a, b) => b.pages - a.pages);
}
