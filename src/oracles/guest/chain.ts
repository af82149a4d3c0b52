// SPDX-License-Identifier: Apache-2.0
// Recomputes the chain of the bare guest from its pages alone. Neither the guest nor its client is asked
// (docs/guest-payload.md, "To check it").
import type { PfnRun, ReadPhys } from '../files/outside.js';
import type { Pieces } from '../../util/loop/turns.js';
import { type ControlPage, readControl, type VcpuControl } from './control.js';
import { digestOf, type Pair } from './digest.js';
import { Links, NOTHING } from './links.js';
import { eachPage, readPage } from './pages.js';

/** The parameters that a bare guest was created with. */
export interface BareGuest {
  seed: number;
  vcpus: number;
  /** Number of devices; the pages of their transfers lie before the chain. */
  devices: number;
  /** Pages of RAM. */
  pages: number;
}

export interface ChainView {
  /** Pages that were checked, and pages that break the chain. */
  pages: number;
  bad: number;
  first: { page: number; what: string } | null;
  /** Sum over all vCPUs. */
  ticks: number;
  links: number;
  /** The head of each vCPU's share, 16 hexadecimal digits. */
  heads: string[];
  control: ControlPage | null;
}

/** The pages behind the control page that never change. */
const CONSTANTS = { first: 1, count: 13 };
const BASE_PAGE = 13;
const FIRST_STACK = 14;
const PAGES_OF_DEVICE = 2;
const WORDS = 1024;
/** Heads that are followed without a turn of the loop. */
const LINKS_OF_PIECE = 1024;

/** In pieces: each page is computed again. */
export function* checkChain(read: ReadPhys, runs: readonly PfnRun[], guest: BareGuest): Pieces<ChainView> {
  const look: ChainView = {
    pages: guest.pages - firstOf(guest) + CONSTANTS.count,
    bad: 0,
    first: null,
    ticks: 0,
    links: 0,
    heads: [],
    control: null,
  };
  const page = readPage(read, runs, 0);
  const control = page === null ? 'its control page is not there' : readControl(page);
  if (typeof control === 'string') return note(look, 0, control);
  const claims = {
    seed: control.seed,
    vcpus: control.vcpus.length,
    pages: control.pages,
    devices: control.devices.length,
    first: control.first,
  };
  const made = { ...guest, first: firstOf(guest) };
  const strange = (['seed', 'vcpus', 'pages', 'devices', 'first'] as const).find((key) => claims[key] !== made[key]);
  if (strange !== undefined)
    return note(look, 0, `its control page says ${strange} ${claims[strange]}, it was made with ${made[strange]}`);
  look.control = control;
  const links = new Links(guest.seed);
  yield* checkConstants(read, runs, control, links, look);
  for (const [device, { transfer, landed }] of control.devices.entries())
    checkLanding(
      readPage(read, runs, landingPage(guest, device)),
      links,
      { device, transfer, landed, page: landingPage(guest, device) },
      look,
    );
  const chain = guest.pages - made.first;
  const share = Math.floor(chain / guest.vcpus);
  for (const [v, vcpu] of control.vcpus.entries()) {
    look.ticks += vcpu.ticks;
    look.links += vcpu.links;
    look.heads.push(vcpu.head.map((word) => word.toString(16).padStart(8, '0')).join(''));
    yield* checkShare(
      read,
      runs,
      links,
      { v, vcpu, first: made.first + v * share, count: v === guest.vcpus - 1 ? chain - v * share : share },
      look,
    );
  }
  return look;
}

/** Returns the first page of the chain. */
function firstOf({ vcpus, devices }: BareGuest): number {
  return FIRST_STACK + vcpus + PAGES_OF_DEVICE * devices;
}

/** Returns the page that a device's transfers are written to. */
export function landingPage({ vcpus }: Pick<BareGuest, 'vcpus'>, device: number): number {
  return FIRST_STACK + vcpus + PAGES_OF_DEVICE * device + 1;
}

function note(look: ChainView, page: number, what: string): ChainView {
  look.bad++;
  if (look.first === null || page < look.first.page) look.first = { page, what };
  return look;
}

/**
 * Checks program, page tables and descriptors: the control page has their digest, and one page follows from the seed.
 */
function* checkConstants(
  read: ReadPhys,
  runs: readonly PfnRun[],
  control: ControlPage,
  links: Links,
  look: ChainView,
): Pieces<void> {
  let digest: Pair | undefined;
  let missing: number | null = null;
  yield* eachPage(read, runs, CONSTANTS.first, CONSTANTS.count, (page, words, at) => {
    if (words === null) missing ??= page;
    else digest = digestOf(words, at, WORDS, digest);
    if (words !== null && page === BASE_PAGE && links.baseTable.some((word, j) => words[at + j] !== word))
      note(look, page, 'it is not the table that follows from the seed');
  });
  if (missing !== null) note(look, missing, 'a page that never changes is not there');
  else if (digest?.[0] !== control.constants[0] || digest[1] !== control.constants[1])
    note(look, CONSTANTS.first, 'pages 1 to 13, which never change, have changed');
}

/** How many transfers may have been abandoned since the last one that was found right. */
const MAX_GIVEN_UP = 8;

/**
 * Checks the page that only a device writes. It must hold the last transfer that the guest confirmed, or a later one.
 */
function checkLanding(
  words: Uint32Array | null,
  links: Links,
  { device, transfer, landed, page }: { device: number; transfer: number; landed: number; page: number },
  look: ChainView,
): void {
  if (words === null) note(look, page, 'the page that a device writes to is not there');
  else if (landed === 0 && words.every((word) => word === 0)) return;
  else {
    const since = Math.min(Math.max(0, transfer - landed), MAX_GIVEN_UP);
    const may = [landed, ...Array.from({ length: since }, (_, i) => transfer - i)].filter((n) => n > 0);
    if (!may.some((n) => links.transfer(device, n).every((word, j) => words[j] === word)))
      note(look, page, `it holds neither transfer ${landed} of device ${device}, nor a later one`);
  }
}

interface Share {
  v: number;
  vcpu: VcpuControl;
  first: number;
  count: number;
}

/** What the pass over the pages keeps of each page, in page order. */
interface Seen {
  ok: Uint8Array;
  heads: Uint32Array;
  /** Digest of the page that each link overwrote. */
  over: Uint32Array;
}

function* checkShare(
  read: ReadPhys,
  runs: readonly PfnRun[],
  links: Links,
  share: Share,
  look: ChainView,
): Pieces<void> {
  const { v, vcpu, first, count } = share;
  const n = vcpu.links;
  if (!Number.isSafeInteger(n) || n < count) {
    note(look, 0, `vCPU ${v}: ${n} links for ${count} pages`);
    return;
  }
  const seen: Seen = { ok: new Uint8Array(count), heads: new Uint32Array(2 * count), over: new Uint32Array(2 * count) };
  yield* eachPage(read, runs, first, count, (page, words, at) => {
    const i = page - first;
    const m = linkAt(i, n, count);
    if (words === null) {
      note(look, page, 'the page is not there');
      return;
    }
    const mixed = vcpu.working === n + 1 && m === n + 1 - count;
    const { head, previous } = mixed ? { head: vcpu.oldHead, previous: vcpu.oldPrevious } : Links.claims(words, at);
    const good =
      links.isPage(words, at, page, m, head, previous) || (mixed && isMixed(links, words, at, page, m, vcpu, count));
    if (!good) {
      note(look, page, `it is not the page of link ${m}`);
      return;
    }
    seen.ok[i] = 1;
    seen.heads.set(head, 2 * i);
    seen.over.set(m <= count ? NOTHING : links.digest(page, m - count, previous), 2 * i);
  });
  yield* followHeads(links, share, seen, look);
}

/** Returns the last link up to `n` that wrote page `i` of the share. */
function linkAt(i: number, n: number, count: number): number {
  return n - ((((n - 1 - i) % count) + count) % count);
}

/** Is this a page that is being written? Then each word is from either the old page or the new one. */
function isMixed(
  links: Links,
  words: Uint32Array,
  at: number,
  page: number,
  m: number,
  vcpu: VcpuControl,
  count: number,
): boolean {
  const old = links.page(page, m, vcpu.oldHead, vcpu.oldPrevious);
  const fresh = links.page(page, m + count, vcpu.next, vcpu.oldHead);
  return old.every((word, j) => words[at + j] === word || words[at + j] === fresh[j]);
}

function* followHeads(
  links: Links,
  { v, vcpu, first, count }: Share,
  { ok, heads, over }: Seen,
  look: ChainView,
): Pieces<void> {
  const n = vcpu.links;
  const headOf = (m: number): Pair => {
    const i = (m - 1) % count;
    return [heads[2 * i] as number, heads[2 * i + 1] as number];
  };
  for (let m = n - count + 1; m <= n; m++) {
    const i = (m - 1) % count;
    if (i % LINKS_OF_PIECE === 0) yield;
    const before = m === 1 ? links.origin(v) : m === n - count + 1 || ok[(m - 2) % count] !== 1 ? null : headOf(m - 1);
    if (before === null || ok[i] !== 1) continue;
    const [a, b] = links.extend(before, [over[2 * i] as number, over[2 * i + 1] as number], m);
    const [x, y] = headOf(m);
    if (a !== x || b !== y)
      note(look, first + i, `the head of link ${m} does not follow from the page that it wrote over`);
  }
  if (ok[(n - 1) % count] !== 1) return;
  const [a, b] = headOf(n);
  const is = (head: Pair) => head[0] === a && head[1] === b;
  // The head may already be that of the next link, if the guest was about to write it.
  if (!is(vcpu.head) && !(vcpu.working === n + 1 && vcpu.head[0] === vcpu.next[0] && vcpu.head[1] === vcpu.next[1]))
    note(look, 0, `vCPU ${v}: the head in the control page is not that of link ${n}`);
}
