// SPDX-License-Identifier: Apache-2.0
// Finds the preserved pages that belong to the handover itself. The kernel keeps them for ever after any KHO boot, with
// or without sessions, so they are not leaked. Each page is identified, by a pointer to it or by its content, and gets
// a name. None is just subtracted.
import { readFdt, u64Property, type FdtNode } from '../../handover/memory/fdt.js';
import type { KhopPages } from './khop.js';
import type { ReadPhys } from '../files/outside.js';
import { PAGE } from '../files/pattern.js';

export interface BaselinePage {
  pfn: number;
  /** Number of pages from `pfn` on. */
  count: number;
  what: string;
}

/** The property that points to the blob of a subtree, in 7.x and in 6.x (include/linux/kho/abi/kexec_handover.h). */
const SUBTREE_PROPERTIES = ['preserved-data', 'fdt'];
/** More marked pages than this, besides those of files, are a leak whatever they hold. The rest need not be read. */
const MAX_LOOKED_AT = 4096;
/** The structures of the handover take a few pages. A larger mark on one of them would hide a leak. */
const MAX_HANDOVER_ORDER = 4;

/**
 * Identifies the pages of the handover.
 * @param candidates marked pages that belong to no file
 * @param flbHeader page frame of LUO's FLB header, if the old kernel's structures led to it; without it, the page is
 * recognised by its content
 */
export function baselinePages(
  read: ReadPhys,
  candidates: readonly KhopPages[],
  flbHeader: number | null = null,
): BaselinePage[] {
  const looked = candidates.slice(0, MAX_LOOKED_AT);
  const blobs = new Map<number, string>();
  const reserved: { start: number; end: number; name: string }[] = [];
  let sessions: number | null = null;
  const found: BaselinePage[] = [];
  for (const page of looked) {
    const root = rootFdt(read, page);
    if (root === null || page.order > MAX_HANDOVER_ORDER) continue;
    found.push({ pfn: page.pfn, count: 2 ** page.order, what: 'KHO root tree' });
    for (const child of root.children) {
      const at = SUBTREE_PROPERTIES.map((name) => u64Property(child, name)).find((n) => n !== null);
      if (at === undefined || at === null) continue;
      blobs.set(Math.floor(at / PAGE), `subtree ${child.name}`);
      if (child.name === 'memblock') reserved.push(...reserveMem(read, at));
      if (child.name === 'LUO') sessions = emptySessions(read, at);
    }
    // A handover has one root. A second page that looks like a root explains nothing.
    break;
  }
  for (const page of looked) {
    if (found.some((known) => known.pfn === page.pfn)) continue;
    const blob =
      page.order > MAX_HANDOVER_ORDER
        ? undefined
        : page.pfn === sessions
          ? 'LUO session header, no session in it'
          : blobs.get(page.pfn);
    const area = reserved.find(
      ({ start, end }) => page.pfn * PAGE >= start && (page.pfn + 2 ** page.order) * PAGE <= end,
    );
    const what =
      blob ??
      (area === undefined ? null : `reserve_mem ${area.name}`) ??
      ((flbHeader === null ? isFlbHeader(read, page) : page.pfn === flbHeader && page.order === 0)
        ? 'LUO FLB header'
        : null);
    if (what !== null) found.push({ pfn: page.pfn, count: 2 ** page.order, what });
  }
  return found;
}

/**
 * Returns the page frame of the session array if it is empty. luo-v1 preserves the array even without sessions
 * (kernel/liveupdate/luo_session.c, 6.19 and 7.1), and it stays until somebody opens /dev/liveupdate.
 */
function emptySessions(read: ReadPhys, at: number): number | null {
  const bytes = new Uint8Array(PAGE);
  const node = read(at, bytes) ? readFdt(bytes)?.children.find(({ name }) => name === 'luo-session') : undefined;
  const header = node === undefined ? null : u64Property(node, 'luo-session-header');
  const count = new Uint8Array(8);
  return header !== null && header % PAGE === 0 && read(header, count) && count.every((byte) => byte === 0)
    ? header / PAGE
    : null;
}

function readPages(read: ReadPhys, page: KhopPages): Uint8Array | null {
  const bytes = new Uint8Array(PAGE * Math.min(16, 2 ** page.order));
  return read(page.pfn * PAGE, bytes) ? bytes : null;
}

function rootFdt(read: ReadPhys, page: KhopPages): FdtNode | null {
  const bytes = readPages(read, page);
  if (bytes === null) return null;
  const root = readFdt(bytes);
  const compatible = root?.properties.get('compatible');
  return compatible !== undefined && Buffer.from(compatible).toString('latin1').startsWith('kho-v') ? root : null;
}

/** Reads the reserve_mem= ranges from the memblock subtree (mm/memblock.c: one node per range, `start` and `size`). */
function reserveMem(read: ReadPhys, at: number): { start: number; end: number; name: string }[] {
  const bytes = new Uint8Array(PAGE);
  const tree = read(at, bytes) ? readFdt(bytes) : null;
  return (tree?.children ?? []).flatMap((node) => {
    const start = u64Property(node, 'start');
    const size = u64Property(node, 'size');
    return start === null || size === null ? [] : [{ start, end: start + size, name: node.name }];
  });
}

/**
 * Is this a struct luo_flb_header_ser {pgcnt, count} without entries (include/linux/kho/abi/luo.h, 7.x)? The rest of
 * its page is empty.
 */
function isFlbHeader(read: ReadPhys, page: KhopPages): boolean {
  const bytes = page.order === 0 ? readPages(read, page) : null;
  if (bytes === null) return false;
  const view = new DataView(bytes.buffer);
  return (
    view.getBigUint64(0, true) === 1n &&
    view.getBigUint64(8, true) === 0n &&
    bytes.subarray(16).every((byte) => byte === 0)
  );
}
