// SPDX-License-Identifier: Apache-2.0
// Lists everything that a kernel hands over, page by page: files of all sessions, memory reserved by name, and pages
// that no structure known to the lab explains. The lab reads it from outside, so it does not matter who preserved it.
import type { PagesOfFile } from '../../model/evidence/handed-over.js';
import { preservedAreas } from '../kho/areas.js';
import { rootTree, subtree } from '../kho/kho.js';
import { memblockTree } from '../kho/trees.js';
import { LUO_NODE } from '../luo/luo.js';
import { FolioList, isMemfd, memfdAt } from '../luo/memfd.js';
import { filesOf, flbsLocation, sessions } from '../luo/sessions.js';
import type { Instance } from '../memory/layouts.js';
import { HandoverError, PAGE } from '../memory/memory.js';
import { PageCache } from '../memory/page-cache.js';
import { type HandoverSource, Walk } from '../memory/source.js';
import { AreaList, type PageSpan } from './area-list.js';

/** The handler's own state of a memfd; `seals` is null in formats without them. */
export interface SerializedMemfd {
  size: bigint;
  position: bigint;
  seals: number | null;
}

export interface ListedPages {
  kind: 'file' | 'reserved';
  /** Null for reserved memory. */
  session: string | null;
  /** A token, or the name of reserved memory. */
  name: string;
  /** The handler's version: `memfd-v2`. */
  handler: string;
  runs: PagesOfFile[];
  memfd: SerializedMemfd | null;
  /** Why the list of its pages is not complete. */
  problem: string | null;
}

export interface PagesListing {
  sessions: number;
  listed: ListedPages[];
  /** Preserved pages that are neither listed nor part of a structure that was read. */
  unclaimed: PageSpan[];
  /** All preserved pages. */
  pages: number;
  problems: string[];
}

const MAX_FILES = 200_000;
const MAX_SESSIONS = 100_000;
/** As many pages as the lab's largest machine has. */
const MAX_PAGES = 2 ** 24;

/** Never throws, whatever the memory contains: what cannot be read is a problem of the list. */
export function listPages(source: HandoverSource): PagesListing {
  const cache = new PageCache(source.read);
  return new Lister(new Walk({ ...source, read: cache.read }), cache).list();
}

class Lister {
  private readonly problems: string[] = [];
  private readonly listed: ListedPages[] = [];
  private areas = new AreaList();
  private sessionCount = 0;
  private pagesLeft = MAX_PAGES;

  constructor(
    private readonly walk: Walk,
    private readonly cache: PageCache,
  ) {}

  list(): PagesListing {
    const { walk } = this;
    this.attempt('the map of preserved memory', () => {
      const areas = new AreaList();
      for (const area of preservedAreas(walk)) areas.add(area);
      this.areas = areas;
    });
    const nodes = this.attempt('the root tree', () => rootTree(walk).root.children.map(({ name }) => name)) ?? [];
    // Reading a subtree shows that its page is a structure.
    for (const name of nodes) this.attempt(name, () => subtree(walk, name));
    if (nodes.includes('memblock')) this.attempt('memblock', () => this.listReserved());
    if (nodes.includes(LUO_NODE)) {
      this.attempt('the sessions', () => this.listSessions());
      if (walk.layouts.has('luo_flb_header_ser')) this.attempt(null, () => flbsLocation(walk, 'count'));
    }
    const claimed = [
      ...this.listed.flatMap(({ runs }) => runs),
      ...this.cache.pages().map(({ pfn }) => ({ pfn, count: 1 })),
    ];
    return {
      sessions: this.sessionCount,
      listed: this.listed,
      unclaimed: this.areas.without(claimed),
      pages: this.areas.pages,
      problems: this.problems,
    };
  }

  /** @param what its name in a problem; null if it may be missing */
  private attempt<T>(what: string | null, body: () => T): T | undefined {
    try {
      return body();
    } catch (error) {
      if (!(error instanceof HandoverError)) throw error;
      if (what !== null) this.problems.push(`${what}: ${error.message}`);
      return undefined;
    }
  }

  private listReserved(): void {
    const tree = memblockTree(this.walk);
    for (const node of tree.root.children) {
      const [start, size] = [Number(tree.number(node, 'start')), Number(tree.number(node, 'size'))];
      const count = Math.min(Math.ceil(size / PAGE), MAX_PAGES);
      this.listed.push({
        kind: 'reserved',
        session: null,
        name: node.name,
        handler: tree.compatible(node) ?? '',
        runs: [{ page: 0, pfn: Math.floor(start / PAGE), count }],
        memfd: null,
        problem: null,
      });
    }
  }

  private listSessions(): void {
    for (const session of sessions(this.walk)) {
      if (++this.sessionCount > MAX_SESSIONS) throw new HandoverError(`there are more than ${MAX_SESSIONS}`);
      const name = session.text('name');
      this.attempt(`session ${name}`, () => {
        for (const file of filesOf(this.walk, session)) {
          if (this.listed.length >= MAX_FILES) throw new HandoverError(`there are more than ${MAX_FILES} files`);
          this.listed.push(this.file(name, file));
        }
      });
    }
  }

  private file(session: string, entry: Instance): ListedPages {
    const listed: ListedPages = {
      kind: 'file',
      session,
      name: String(entry.number('token')),
      handler: entry.text('compatible'),
      runs: [],
      memfd: null,
      problem: null,
    };
    try {
      if (isMemfd(entry)) this.addMemfd(listed, memfdAt(this.walk, entry, 'the file'));
    } catch (error) {
      if (!(error instanceof HandoverError)) throw error;
      listed.problem = error.message;
    }
    return listed;
  }

  private addMemfd(listed: ListedPages, memfd: Instance): void {
    listed.memfd = {
      size: memfd.number('size'),
      position: memfd.number('pos'),
      seals: memfd.has('seals') ? Number(memfd.number('seals')) : null,
    };
    if (memfd.number('nr_folios') === 0n) return;
    for (const { pfn, index } of new FolioList(this.walk, memfd, 'the file').all()) {
      // A hole has no page.
      if (pfn === 0) continue;
      const count = 2 ** (this.areas.orderOf(pfn) ?? 0);
      this.pagesLeft -= count;
      if (this.pagesLeft < 0) throw new HandoverError(`the files have more than ${MAX_PAGES} pages`);
      const last = listed.runs.at(-1);
      if (last !== undefined && last.page + last.count === index && last.pfn + last.count === pfn) last.count += count;
      else listed.runs.push({ page: index, pfn, count });
    }
  }
}
