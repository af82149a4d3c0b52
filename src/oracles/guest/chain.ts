// SPDX-License-Identifier: Apache-2.0
// Recomputes the bare guest's chain from its pages alone, without a word from the guest or from who runs it
// (docs/guest-payload.md, "To check it").
import type { PfnRun, ReadPhys } from '../files/outside.js';
import { type ControlPage, readControl, type VcpuControl } from './control.js';
import { digestOf, type Pair } from './digest.js';
import { Links, NOTHING } from './links.js';
import { eachPage, readPage } from './pages.js';

/** What a bare guest was made as. */
export interface BareGuest {
  seed: number;
  vcpus: number;
  /** Devices that it has; the pages of their transfers lie before the chain. */
  devices: number;
  /** Pages of RAM. */
  pages: number;
}

export interface ChainLook {
  /** Pages that take part, and how many of them break it. */
  pages: number;
  bad: number;
  first: { page: number; what: string } | null;
  /** Of all vCPUs. */
  ticks: number;
  links: number;
  /** Head of each share, 16 hexadecimal digits. */
  heads: string[];
  control: ControlPage | null;
}

/** First page behind the control page, and the last one that never changes. */
const CONSTANTS = { first: 1, count: 13 };
const BASE_PAGE = 13;
const FIRST_STACK = 14;
const PAGES_OF_DEVICE = 2;
const WORDS = 1024;

export function checkChain(read: ReadPhys, runs: readonly PfnRun[], guest: BareGuest): ChainLook {
  const look: ChainLook = {
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
  checkConstants(read, runs, control, links, look);
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
    checkShare(
      read,
      runs,
      links,
      { v, vcpu, first: made.first + v * share, count: v === guest.vcpus - 1 ? chain - v * share : share },
      look,
    );
  }
  return look;
}

/** The first page of the chain. */
function firstOf({ vcpus, devices }: BareGuest): number {
  return FIRST_STACK + vcpus + PAGES_OF_DEVICE * devices;
}

/** The page that a device's transfers land in. */
export function landingPage({ vcpus }: Pick<BareGuest, 'vcpus'>, device: number): number {
  return FIRST_STACK + vcpus + PAGES_OF_DEVICE * device + 1;
}

function note(look: ChainLook, page: number, what: string): ChainLook {
  look.bad++;
  if (look.first === null || page < look.first.page) look.first = { page, what };
  return look;
}

/** Program, page tables, descriptors: their digest is in the control page, and one of them follows from the seed. */
function checkConstants(
  read: ReadPhys,
  runs: readonly PfnRun[],
  control: ControlPage,
  links: Links,
  look: ChainLook,
): void {
  let digest: Pair | undefined;
  let missing: number | null = null;
  eachPage(read, runs, CONSTANTS.first, CONSTANTS.count, (page, words, at) => {
    if (words === null) missing ??= page;
    else digest = digestOf(words, at, WORDS, digest);
    if (words !== null && page === BASE_PAGE && links.baseTable.some((word, j) => words[at + j] !== word))
      note(look, page, 'it is not the table that follows from the seed');
  });
  if (missing !== null) note(look, missing, 'a page that never changes is not there');
  else if (digest?.[0] !== control.constants[0] || digest[1] !== control.constants[1])
    note(look, CONSTANTS.first, 'pages 1 to 13, which never change, have changed');
}

/** So many transfers may have been given up since the last that was found right. */
const MOST_GIVEN_UP = 8;

/**
 * A device wrote there, and nobody else: what the last transfer carried that the guest found right, or one that came
 * after it.
 */
function checkLanding(
  words: Uint32Array | null,
  links: Links,
  { device, transfer, landed, page }: { device: number; transfer: number; landed: number; page: number },
  look: ChainLook,
): void {
  if (words === null) note(look, page, 'the page that a device writes to is not there');
  else if (landed === 0 && words.every((word) => word === 0)) return;
  else {
    const since = Math.min(Math.max(0, transfer - landed), MOST_GIVEN_UP);
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

/** What the pass over the pages keeps of each, in the order of the pages. */
interface Seen {
  ok: Uint8Array;
  heads: Uint32Array;
  /** Digest of the page that each one wrote over. */
  over: Uint32Array;
}

function checkShare(read: ReadPhys, runs: readonly PfnRun[], links: Links, share: Share, look: ChainLook): void {
  const { v, vcpu, first, count } = share;
  const n = vcpu.links;
  if (!Number.isSafeInteger(n) || n < count) {
    note(look, 0, `vCPU ${v}: ${n} links for ${count} pages`);
    return;
  }
  const seen: Seen = { ok: new Uint8Array(count), heads: new Uint32Array(2 * count), over: new Uint32Array(2 * count) };
  eachPage(read, runs, first, count, (page, words, at) => {
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
  followHeads(links, share, seen, look);
}

/** The last link up to `n` that wrote page `i` of the share. */
function linkAt(i: number, n: number, count: number): number {
  return n - ((((n - 1 - i) % count) + count) % count);
}

/** A page in work: each word is the old page's or the new one's. */
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

function followHeads(links: Links, { v, vcpu, first, count }: Share, { ok, heads, over }: Seen, look: ChainLook): void {
  const n = vcpu.links;
  const headOf = (m: number): Pair => {
    const i = (m - 1) % count;
    return [heads[2 * i] as number, heads[2 * i + 1] as number];
  };
  for (let m = n - count + 1; m <= n; m++) {
    const i = (m - 1) % count;
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
  // A head that is about to be written is that of the next link already.
  if (!is(vcpu.head) && !(vcpu.working === n + 1 && vcpu.head[0] === vcpu.next[0] && vcpu.head[1] === vcpu.next[1]))
    note(look, 0, `vCPU ${v}: the head in the control page is not that of link ${n}`);
}
